// One list to choose from: the single and multiple selects of Block Kit, static, external, users and channels.
import { h, debounce, uid } from "./dom.js";
import { icon } from "./icons.js";
import { attachPopup, rove } from "./popup.js";

const SEARCH_FROM = 8; // a list this long gets a search box

/**
 * A picker. An option is {key, label, node(), description?, data}; `load(text)` resolves to groups
 * [{label, options}]. `onChange(chosen)` is called when one is taken (or taken off, if multiple).
 */
export function picker({ label, placeholder, load, chosen = [], multiple = false, max = Infinity, search = false, testid, focusKey, onChange }) {
  let picked = [...chosen];
  const caption = h("span", { class: "picker__caption" });
  const button = h(
    "button",
    { type: "button", class: "picker__button", "data-testid": testid, "data-focus": focusKey },
    caption,
    icon("down", 14),
  );
  const show = () => {
    caption.replaceChildren(...captionNodes(picked, placeholder));
    button.setAttribute("aria-label", `${label}: ${picked.length > 0 ? picked.map((option) => option.label).join(", ") : placeholder}`);
    button.classList.toggle("is-empty", picked.length === 0);
  };
  const take = (option) => {
    if (!multiple) picked = [option];
    else if (picked.some((one) => one.key === option.key)) picked = picked.filter((one) => one.key !== option.key);
    else if (picked.length < max) picked = [...picked, option];
    show();
    if (!multiple) popup.close();
    onChange?.(picked);
  };
  let holder = null;
  const popup = attachPopup(button, {
    kind: "listbox",
    label,
    fill: (panel) => (holder = fillList(panel, { label, load, search, multiple, isPicked: (key) => picked.some((one) => one.key === key), take })),
    focus: () => holder,
  });
  show();
  return { node: h("span", { class: "picker" }, button, popup.panel), button, chosen: () => picked };
}

function captionNodes(picked, placeholder) {
  if (picked.length === 0) return [placeholder];
  return picked.flatMap((option, index) => [index > 0 ? ", " : "", ...option.node()]);
}

function fillList(panel, { label, load, search, multiple, isPicked, take }) {
  const list = h("div", { class: "listbox", role: "listbox", id: uid("list"), "aria-label": label, "aria-multiselectable": multiple ? "true" : null, tabindex: "0" });
  const field = h("input", { class: "popup__search", type: "search", placeholder: "Search", role: "combobox", "aria-expanded": "true", "aria-controls": list.id, "aria-label": `Search ${label}`, autocomplete: "off" });
  const byNode = new WeakMap();
  const items = () => [...list.querySelectorAll("[role=option]")];
  const pick = (node) => {
    take(byNode.get(node));
    if (multiple) node.setAttribute("aria-selected", String(isPicked(byNode.get(node).key)));
  };
  const holder = search ? field : list;
  const roving = rove(holder, items, pick);
  let latest = 0;
  const refresh = async () => {
    latest += 1;
    const mine = latest;
    list.setAttribute("aria-busy", "true");
    const groups = await load(field.value.trim());
    if (mine !== latest) return; // a later search has overtaken this one
    list.removeAttribute("aria-busy");
    list.replaceChildren(...groupNodes(groups, isPicked, byNode, pick));
    if (items().length === 0) list.append(h("p", { class: "popup__empty" }, "Nothing found"));
    roving.mark(Math.max(0, items().findIndex((node) => node.getAttribute("aria-selected") === "true")));
  };
  field.addEventListener("input", debounce(120, refresh));
  panel.replaceChildren(...(search ? [field, list] : [list]));
  refresh();
  return holder;
}

function groupNodes(groups, isPicked, byNode, pick) {
  return groups.flatMap((group) => {
    const nodes = group.options.map((option) => {
      const node = h(
        "div",
        { role: "option", id: uid("option"), class: "option", "aria-selected": String(isPicked(option.key)), "data-value": option.key, on: { click: () => pick(node) } },
        h("span", { class: "option__check" }, icon("check", 14)),
        h("span", { class: "option__text" }, ...option.node(), option.description ? h("small", {}, ...option.description()) : null),
      );
      byNode.set(node, option);
      return node;
    });
    return group.label ? [h("div", { class: "popup__group", role: "presentation" }, group.label), ...nodes] : nodes;
  });
}

/** A `load` for options that are known: filters them by the words typed. */
export function filtered(groups) {
  return async (text) => {
    const needle = text.toLocaleLowerCase();
    const fits = (option) => needle === "" || option.label.toLocaleLowerCase().includes(needle);
    return groups.map((group) => ({ ...group, options: group.options.filter(fits) })).filter((group) => group.options.length > 0);
  };
}

/** Whether a list is long enough for a search box. */
export function wantsSearch(groups) {
  return groups.reduce((total, group) => total + group.options.length, 0) >= SEARCH_FROM;
}
