// Short notices at the edge of the screen, read aloud by a screen reader.
import { h } from "./dom.js";
import { icon } from "./icons.js";

const LIFE_MS = 7000;

/** Shows a notice; kind is "error" or "info". An error stays longer. */
export function toast(text, kind = "info") {
  const shelf = document.getElementById("toasts");
  const close = h("button", { type: "button", class: "toast__close", "aria-label": "Dismiss" }, icon("close", 14));
  const node = h("div", { class: `toast toast--${kind}`, role: kind === "error" ? "alert" : "status", "data-testid": "toast" }, h("span", {}, text), close);
  const remove = () => node.remove();
  close.addEventListener("click", remove);
  shelf.append(node);
  // A modal dialog covers everything else: lift the shelf into the top layer, above it.
  if (shelf.showPopover) {
    if (shelf.matches(":popover-open")) shelf.hidePopover();
    shelf.showPopover();
  }
  setTimeout(remove, kind === "error" ? LIFE_MS * 1.6 : LIFE_MS);
}
