// Buttons and overflow menus, with their confirmation dialogs.
import { confirmed } from "./confirm.js";
import { h, safeUrl, uid } from "./dom.js";
import { icon } from "./icons.js";
import { textNodes, words } from "./mrkdwn.js";
import { attachPopup, rove } from "./popup.js";

const STYLES = new Set(["primary", "danger"]);

/** A button; one with a url is a link that also tells the bot. */
export function buttonElement(element, block, host) {
  const style = STYLES.has(element.style) ? ` button--${element.style}` : "";
  const shared = {
    class: `button${style}`,
    "data-testid": `action-${element.action_id}`,
    "data-focus": `${block.block_id}/${element.action_id}`,
    "aria-label": element.accessibility_label ?? null,
  };
  const href = element.url ? safeUrl(element.url) : null;
  const node = href
    ? h("a", { ...shared, href, target: "_blank", rel: "noopener noreferrer" }, ...textNodes(element.text))
    : h("button", { ...shared, type: "button" }, ...textNodes(element.text));
  node.addEventListener("click", async (event) => {
    if (node.getAttribute("aria-busy") === "true") return event.preventDefault();
    if (!href && !(await confirmed(element.confirm))) return;
    await busy(node, () => host.act({ ...identity(element, block), value: element.value ?? null }));
  });
  return node;
}

/** The "…" menu: one action whose chosen option is told to the bot. */
export function overflowElement(element, block, host) {
  const button = h(
    "button",
    {
      type: "button",
      class: "button button--icon",
      "aria-label": "More actions",
      "data-testid": `action-${element.action_id}`,
      "data-focus": `${block.block_id}/${element.action_id}`,
    },
    icon("more", 18),
  );
  const choose = async (option) => {
    popup.close();
    if (!(await confirmed(element.confirm))) return;
    await busy(button, () => host.act({ ...identity(element, block), selected: option }));
  };
  let holder = null;
  const popup = attachPopup(button, {
    kind: "menu",
    label: "More actions",
    fill: (panel) => {
      holder = menu(element.options ?? [], choose);
      panel.replaceChildren(holder);
    },
    focus: () => holder,
  });
  return h("span", { class: "picker" }, button, popup.panel);
}

function menu(options, choose) {
  const holder = h("div", { class: "listbox", role: "menu", tabindex: "0", "aria-label": "More actions" });
  const byNode = new Map();
  for (const option of options) {
    const href = option.url ? safeUrl(option.url) : null;
    const props = { role: "menuitem", class: "option", id: uid("item"), "data-value": option.value };
    const content = [h("span", { class: "option__text" }, ...textNodes(option.text), option.description ? h("small", {}, ...textNodes(option.description)) : null)];
    const node = href ? h("a", { ...props, href, target: "_blank", rel: "noopener noreferrer" }, ...content) : h("div", props, ...content);
    node.addEventListener("click", () => choose(option));
    byNode.set(node, option);
    holder.append(node);
  }
  const roving = rove(holder, () => [...byNode.keys()], (node) => node.click());
  queueMicrotask(() => roving.mark(0));
  return holder;
}

/** Ids that every action carries. */
export function identity(element, block) {
  return { action_id: element.action_id, block_id: block.block_id ?? null, type: element.type };
}

/** Shows that something is under way, for as long as it is. */
export async function busy(node, work) {
  node.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    node.removeAttribute("aria-busy");
  }
}

/** The visible words of a button or option. */
export const captionOf = (object) => words(object);
