// A small floating panel under a button: the browser's own popover gives Esc, light dismissal and the top layer.
import { h, uid } from "./dom.js";

const MARGIN = 8;

/**
 * Attaches a panel to a button. `fill(panel)` is called at each opening; `focus()` may name what to focus.
 * Returns {panel, close, open}. The panel must stand beside the button, so that a modal dialog holds both.
 */
export function attachPopup(button, { kind, label, fill, focus }) {
  const panel = h("div", { class: "popup", popover: "auto", id: uid("popup"), "aria-label": label });
  button.setAttribute("aria-haspopup", kind);
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", panel.id);
  const close = () => panel.matches(":popover-open") && panel.hidePopover();
  const open = () => {
    if (!panel.isConnected || panel.matches(":popover-open")) return;
    fill(panel);
    panel.showPopover();
    place(panel, button);
    (focus?.() ?? panel.querySelector("input, [tabindex='0'], button"))?.focus({ preventScroll: true });
  };
  const onScroll = (event) => {
    if (!(event.target instanceof Node) || !panel.contains(event.target)) close();
  };
  panel.addEventListener("toggle", (event) => {
    const opened = event.newState === "open";
    button.setAttribute("aria-expanded", String(opened));
    if (opened) window.addEventListener("scroll", onScroll, true);
    else window.removeEventListener("scroll", onScroll, true);
    if (!opened && (panel.contains(document.activeElement) || document.activeElement === document.body)) button.focus({ preventScroll: true });
  });
  let openAtPress = false;
  button.addEventListener("pointerdown", () => (openAtPress = panel.matches(":popover-open")));
  button.addEventListener("click", (event) => {
    event.preventDefault();
    // The press itself has already closed it (light dismissal); a second press must not open it again.
    if (openAtPress) close();
    else open();
    openAtPress = false;
  });
  button.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    open();
  });
  return { panel, close, open };
}

function place(panel, button) {
  const anchor = button.getBoundingClientRect();
  panel.style.minWidth = `${Math.min(anchor.width, innerWidth - 2 * MARGIN)}px`;
  const size = panel.getBoundingClientRect();
  const below = innerHeight - anchor.bottom - MARGIN;
  const above = anchor.top - MARGIN;
  const upward = below < Math.min(size.height, 220) && above > below;
  panel.style.maxHeight = `${Math.max(120, Math.min(360, (upward ? above : below) - 4))}px`;
  const height = Math.min(size.height, upward ? above : below);
  panel.style.top = `${upward ? anchor.top - height - 4 : anchor.bottom + 4}px`;
  panel.style.left = `${Math.max(MARGIN, Math.min(anchor.left, innerWidth - size.width - MARGIN))}px`;
}

/** Moves through a list with the arrow keys; Enter takes. `holder` keeps the focus, items are only marked. */
export function rove(holder, itemsOf, take) {
  let at = -1;
  const mark = (index) => {
    const items = itemsOf();
    items.forEach((item, place) => item.classList.toggle("is-active", place === index));
    at = index;
    const item = items[index];
    if (item) {
      holder.setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    } else holder.removeAttribute("aria-activedescendant");
  };
  const onKey = (event) => {
    const items = itemsOf();
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
    if (event.key in moves && items.length > 0) {
      if ((event.key === "Home" || event.key === "End") && holder.tagName === "TEXTAREA") return;
      event.preventDefault();
      mark((moves[event.key] + items.length) % items.length);
    } else if ((event.key === "Enter" || (event.key === " " && holder.tagName !== "INPUT")) && items[at]) {
      event.preventDefault();
      take(items[at]);
    }
  };
  holder.addEventListener("keydown", onKey);
  return { mark, active: () => itemsOf()[at] ?? null };
}
