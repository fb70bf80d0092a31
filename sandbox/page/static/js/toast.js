// Short notices at the edge of the screen, read aloud by a screen reader.
import { h } from "./dom.js";
import { icon } from "./icons.js";

const LIFE_MS = 7000;
const MOST = 3;

/** Shows a notice; kind is "error" or "info". An error stays longer. `action` is {label, run}. */
export function toast(text, kind = "info", action = null) {
  const shelf = document.getElementById("toasts");
  const close = h("button", { type: "button", class: "toast__close", "aria-label": "Dismiss" }, icon("close", 14));
  const act = action ? h("button", { type: "button", class: "toast__act" }, action.label) : null;
  const node = h("div", { class: `toast toast--${kind}`, role: kind === "error" ? "alert" : "status", "data-testid": "toast" }, h("span", {}, text), act, close);
  const remove = () => node.remove();
  close.addEventListener("click", remove);
  act?.addEventListener("click", () => (remove(), action.run()));
  shelf.append(node);
  while (shelf.childElementCount > MOST) shelf.firstElementChild.remove();
  // A modal dialog covers everything else: lift the shelf into the top layer, above it.
  if (shelf.showPopover) {
    if (shelf.matches(":popover-open")) shelf.hidePopover();
    shelf.showPopover();
  }
  setTimeout(remove, kind === "error" ? LIFE_MS * 1.6 : LIFE_MS);
}
