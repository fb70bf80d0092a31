// Modals: a native dialog keeps the focus inside and closes on Esc; errors stand beside their fields.
import { slack, troubleOf } from "./api.js";
import { blockNodes, readAll } from "./blocks.js";
import { busy } from "./buttons.js";
import { h, uid } from "./dom.js";
import { icon } from "./icons.js";
import { textNodes, words } from "./mrkdwn.js";
import { state } from "./state.js";
import { toast } from "./toast.js";

let shown = null; // {view, dialog, fields, parts}
let refreshView = async () => {};

/** `refresh` asks the server which view is open now (after one of a stack was closed). */
export function setUpModals({ refresh }) {
  refreshView = refresh;
}

/** Shows the view that is open for this person; null closes what is shown. */
export function showView(view) {
  if (!view) return dismiss();
  const same = shown?.view.id === view.id;
  if (same && shown.view.hash === view.hash && JSON.stringify(shown.view.blocks) === JSON.stringify(view.blocks)) return;
  const kept = same ? readAll(shown.fields) : (view.state?.values ?? {});
  const held = shown?.dialog.contains(document.activeElement) ? document.activeElement.closest("[data-focus]")?.dataset.focus : null;
  if (!shown) openDialog();
  fill(view, kept);
  focusField(same ? held : null);
}

function openDialog() {
  const dialog = h("dialog", { class: "dialog dialog--modal", "data-testid": "modal" });
  dialog.addEventListener("cancel", (event) => {
    if (event.target !== dialog) return;
    event.preventDefault();
    close();
  });
  shown = { view: null, dialog, fields: [], parts: new Map(), returnTo: document.activeElement };
  document.body.append(dialog);
  dialog.showModal();
}

function fill(view, kept) {
  shown.view = view;
  shown.fields = [];
  shown.parts = new Map();
  const title = h("h2", { class: "dialog__title", id: uid("modal") }, ...textNodes(view.title));
  const closer = h("button", { type: "button", class: "iconbutton", "aria-label": "Close", "data-testid": "modal-x", on: { click: close } }, icon("close"));
  const trouble = h("div", { class: "dialog__trouble", role: "alert", "data-testid": "modal-error", hidden: true });
  const body = h("div", { class: "dialog__body" }, ...blockNodes(view.blocks, hostOf(kept)), trouble);
  const actions = h("div", { class: "dialog__actions" }, cancelButton(view), submitButton(view));
  const form = h("form", { novalidate: true, class: "dialog__form" }, h("header", { class: "dialog__head" }, title, closer), body, actions);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  shown.trouble = trouble;
  shown.dialog.setAttribute("aria-labelledby", title.id);
  shown.dialog.replaceChildren(form);
}

function cancelButton(view) {
  const text = view.close ? textNodes(view.close) : [view.submit ? "Cancel" : "Close"];
  return h("button", { type: "button", class: "button", "data-testid": "modal-close", on: { click: close } }, ...text);
}

function submitButton(view) {
  if (!view.submit) return null;
  return h("button", { type: "submit", class: "button button--primary", "data-testid": "modal-submit" }, ...textNodes(view.submit));
}

function hostOf(kept) {
  const { view, fields, parts } = shown;
  const send = (action) => tell(() => slack.action({ user: state.user, view_id: view.id, ...action, values: readAll(fields) }));
  return {
    act: send,
    options: (request) => slack.options({ user: state.user, view_id: view.id, ...request }),
    changed: (block, action) => (block.type === "input" && !block.dispatch_action ? null : send(action)),
    kept: (block, element) => kept[block.block_id]?.[element.action_id],
    labelOf: (block) => (block.label ? words(block.label) : null),
    field: (block, element, entry) => fields.push({ block, element, ...entry }),
    described: (block, part) => {
      parts.set(block.block_id, part);
      const control = fields.findLast((field) => field.block === block)?.focus;
      control?.setAttribute("aria-describedby", [part.error.id, part.hint?.id].filter(Boolean).join(" "));
    },
    entered: submit,
  };
}

async function tell(send) {
  const outcome = await send();
  const trouble = troubleOf(outcome);
  if (trouble) toast(trouble, "error");
  return outcome;
}

async function submit() {
  const { view, dialog, fields } = shown;
  const button = dialog.querySelector("[data-testid=modal-submit]");
  if (!button || button.getAttribute("aria-busy") === "true") return;
  clearErrors();
  const missing = missingFields();
  if (Object.keys(missing).length > 0) return showErrors(missing);
  const outcome = await busy(button, () => slack.submit({ user: state.user, view_id: view.id, values: readAll(fields) }));
  if (shown?.view.id !== view.id) return;
  if (outcome.errors && Object.keys(outcome.errors).length > 0) return showErrors(outcome.errors);
  const trouble = troubleOf(outcome);
  if (trouble) return showTrouble(trouble);
  await refreshView();
}

/** Slack itself asks for what is not optional before it tells the bot. */
function missingFields() {
  const missing = {};
  for (const { block, read } of shown.fields) {
    if (block.type !== "input" || block.optional) continue;
    const { type: _, ...values } = read();
    const empty = Object.values(values).every((value) => value === null || value === "" || (Array.isArray(value) && value.length === 0));
    if (empty) missing[block.block_id] = "Please complete this required field.";
  }
  return missing;
}

function showErrors(errors) {
  let first = null;
  for (const [blockId, text] of Object.entries(errors)) {
    const part = shown.parts.get(blockId);
    if (!part) {
      showTrouble(text);
      continue;
    }
    part.error.replaceChildren(text);
    part.error.hidden = false;
    const control = shown.fields.find((field) => field.block.block_id === blockId)?.focus;
    control?.setAttribute("aria-invalid", "true");
    first ??= control;
  }
  first?.focus();
}

function showTrouble(text) {
  shown.trouble.replaceChildren(text);
  shown.trouble.hidden = false;
  shown.trouble.scrollIntoView({ block: "nearest" });
}

function clearErrors() {
  shown.trouble.hidden = true;
  for (const { error } of shown.parts.values()) error.hidden = true;
  for (const { focus } of shown.fields) focus?.removeAttribute("aria-invalid");
}

async function close() {
  const { view } = shown;
  dismiss();
  await tell(() => slack.close({ user: state.user, view_id: view.id }));
  await refreshView();
}

function dismiss() {
  if (!shown) return;
  const { dialog, returnTo } = shown;
  shown = null;
  dialog.close();
  dialog.remove();
  if (returnTo?.isConnected) returnTo.focus({ preventScroll: true });
  else document.querySelector("#composer textarea")?.focus({ preventScroll: true });
}

function focusField(held) {
  const { dialog } = shown;
  const kept = held ? dialog.querySelector(`[data-focus="${CSS.escape(held)}"]`) : null;
  (kept ?? dialog.querySelector(".dialog__body :is(input, textarea, .picker__button)") ?? dialog.querySelector("[data-testid=modal-submit], [data-testid=modal-close]"))?.focus();
}
