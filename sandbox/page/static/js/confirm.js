// "Are you sure?": the confirm object of Block Kit as a dialog.
import { h, uid } from "./dom.js";
import { textNodes } from "./mrkdwn.js";

/** Resolves to true when there is nothing to confirm or the person agrees. */
export function confirmed(confirm) {
  if (!confirm) return Promise.resolve(true);
  return new Promise((resolve) => {
    const title = h("h2", { class: "dialog__title", id: uid("confirm") }, ...textNodes(confirm.title));
    const deny = h("button", { type: "button", class: "button", "data-testid": "confirm-deny" }, ...textNodes(confirm.deny ?? { type: "plain_text", text: "Cancel" }));
    const style = confirm.style === "danger" ? "button--danger" : "button--primary";
    const agree = h("button", { type: "button", class: `button ${style}`, "data-testid": "confirm-ok" }, ...textNodes(confirm.confirm ?? { type: "plain_text", text: "Yes" }));
    const dialog = h(
      "dialog",
      { class: "dialog dialog--confirm", "aria-labelledby": title.id, "data-testid": "confirm" },
      title,
      h("div", { class: "dialog__body text" }, ...textNodes(confirm.text)),
      h("div", { class: "dialog__actions" }, deny, agree),
    );
    const settle = (answer) => {
      dialog.close();
      dialog.remove();
      resolve(answer);
    };
    deny.addEventListener("click", () => settle(false));
    agree.addEventListener("click", () => settle(true));
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      settle(false);
    });
    const returnTo = document.activeElement;
    dialog.addEventListener("close", () => returnTo?.focus?.({ preventScroll: true }));
    document.body.append(dialog);
    dialog.showModal();
    deny.focus();
  });
}
