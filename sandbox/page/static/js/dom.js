// The only place where elements are made. What comes from outside (titles, names, texts) reaches the page
// as text nodes alone; nothing here parses HTML, and the page's policy would refuse it.

const PROPERTIES = new Set(["value", "checked", "disabled", "selected", "hidden", "multiple", "open", "indeterminate", "readOnly"]);
const LINK_SCHEMES = new Set(["http:", "https:", "mailto:"]);

/** Makes an element: h("button", {class: "x", on: {click}}, "text", child, null). Null children are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (PROPERTIES.has(name)) {
      element[name] = value;
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  append(element, children);
  return element;
}

/** Appends nodes, strings and (nested) lists of them. */
export function append(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return parent;
}

/** The address if a link may lead there, else null: a title may carry `javascript:` or `data:`. */
export function safeUrl(address) {
  try {
    const url = new URL(address);
    return LINK_SCHEMES.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** A link that opens elsewhere and tells the other side nothing; plain text when the address is not one. */
export function link(address, ...children) {
  const href = safeUrl(address);
  if (href === null) return h("span", {}, ...children);
  return h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...children);
}

/** The address if the page may show it as a picture: only from this very server, as the policy says. */
export function ownUrl(address) {
  const href = safeUrl(address.startsWith("/") ? location.origin + address : address);
  return href !== null && new URL(href).origin === location.origin ? href : null;
}

const signatures = new WeakMap();

/**
 * Makes the container's children those of `items`, touching only what changed: an unchanged node keeps its
 * focus, its open menu and its place; a changed one is replaced and gives the focus to its successor.
 */
export function reconcile(container, items, { key, signature, render }) {
  const before = new Map();
  for (const node of container.children) before.set(node.dataset.key, node);
  let previous = null;
  for (const item of items) {
    const id = key(item);
    const sign = signature(item);
    let node = before.get(id);
    before.delete(id);
    if (node === undefined || signatures.get(node) !== sign) {
      const fresh = render(item);
      fresh.dataset.key = id;
      signatures.set(fresh, sign);
      if (node !== undefined) replaceKeepingFocus(node, fresh);
      node = fresh;
    }
    const place = previous === null ? container.firstElementChild : previous.nextElementSibling;
    if (place !== node) container.insertBefore(node, place);
    previous = node;
  }
  for (const gone of before.values()) gone.remove();
}

/** The element of the same data-focus ("block/action"); of the same action if blocks were given new ids. */
function heirOf(held, fresh) {
  const all = [...fresh.querySelectorAll("[data-focus]")];
  const action = (key) => key.slice(key.indexOf("/") + 1);
  return all.find((one) => one.dataset.focus === held) ?? all.find((one) => action(one.dataset.focus) === action(held)) ?? null;
}

/** Replaces a node; the focus goes to the same element in its successor, or to the successor itself. */
export function replaceKeepingFocus(old, fresh) {
  const active = document.activeElement;
  const held = active !== null && old.contains(active) ? active.closest("[data-focus]")?.dataset.focus : null;
  const had = active !== null && old.contains(active);
  old.replaceWith(fresh);
  if (!had) return;
  const heir = held ? heirOf(held, fresh) : null;
  const target = heir ?? fresh;
  if (target === fresh && !fresh.hasAttribute("tabindex")) fresh.setAttribute("tabindex", "-1");
  target.focus({ preventScroll: true });
}

let counter = 0;

/** A fresh element id, for labels and descriptions. */
export function uid(prefix) {
  counter += 1;
  return `${prefix}-${counter}`;
}

/** Waits until calls pause for `ms`, then runs once. */
export function debounce(ms, work) {
  let timer = null;
  return (...parameters) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...parameters), ms);
  };
}

/** A line drawing of the sheet in icons.js; decorative, so hidden from a screen reader. */
export function svg(paths, size = 18) {
  const space = "http://www.w3.org/2000/svg";
  const root = document.createElementNS(space, "svg");
  const attributes = { viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true", class: "icon" };
  for (const [name, value] of Object.entries(attributes)) root.setAttribute(name, value);
  for (const d of paths) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", d);
    root.append(path);
  }
  return root;
}
