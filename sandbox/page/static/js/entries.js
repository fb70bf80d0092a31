// What a person types: text, numbers, addresses, dates and times.
import { identity } from "./buttons.js";
import { h } from "./dom.js";
import { words } from "./mrkdwn.js";

// How each element is typed in, what its state calls it, and where its first value stands.
const KINDS = {
  plain_text_input: { type: "text", state: "value", initial: "initial_value" },
  number_input: { type: "text", state: "value", initial: "initial_value", mode: "decimal" },
  email_text_input: { type: "email", state: "value", initial: "initial_value" },
  url_text_input: { type: "url", state: "value", initial: "initial_value" },
  datepicker: { type: "date", state: "selected_date", initial: "initial_date" },
  timepicker: { type: "time", state: "selected_time", initial: "initial_time" },
  datetimepicker: { type: "datetime-local", state: "selected_date_time", initial: "initial_date_time", in: toLocal, out: fromLocal },
  rich_text_input: { type: "area", state: "rich_text_value", initial: "initial_value", in: plainOfRich, out: richOfPlain },
};

const NAMES = { date: "Date", time: "Time", "datetime-local": "Date and time" };

export const ENTRY_TYPES = Object.keys(KINDS);

/** An input element of one of the kinds above. */
export function entryElement(element, block, host) {
  const kind = KINDS[element.type];
  const kept = host.kept(block, element)?.[kind.state];
  const first = kept === undefined ? element[kind.initial] : kept;
  const control = controlFor(element, kind, host.labelOf(block) || words(element.placeholder) || NAMES[kind.type] || "Text");
  control.value = first === null || first === undefined ? "" : (kind.in ?? String)(first);
  control.dataset.testid = `action-${element.action_id}`;
  control.dataset.focus = `${block.block_id}/${element.action_id}`;
  const value = () => (control.value === "" ? null : (kind.out ?? ((text) => text))(control.value));
  host.field(block, element, { focus: control, read: () => ({ type: element.type, [kind.state]: value() }) });
  tellOfChanges(control, element, block, host, kind, value);
  return control;
}

function controlFor(element, kind, label) {
  const shared = {
    class: "entry",
    placeholder: words(element.placeholder) || null,
    "aria-label": label,
    maxlength: element.max_length ?? null,
    autocomplete: "off",
  };
  if (element.multiline || kind.type === "area") return h("textarea", { ...shared, rows: 4 });
  return h("input", { ...shared, type: kind.type, inputmode: kind.mode ?? null });
}

function tellOfChanges(control, element, block, host, kind, value) {
  const action = () => ({ ...identity(element, block), ...(kind.state === "value" ? { value: value() } : { selected: value() }) });
  const triggers = element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  if (kind.state !== "value") control.addEventListener("change", () => host.changed(block, action()));
  else if (triggers.includes("on_character_entered")) control.addEventListener("input", () => host.changed(block, action()));
  control.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || control.tagName === "TEXTAREA") return;
    event.preventDefault(); // Enter in a field must not send the whole modal before it is read
    if (kind.state === "value" && triggers.includes("on_enter_pressed")) host.changed(block, action());
    host.entered?.();
  });
}

function toLocal(seconds) {
  const date = new Date(Number(seconds) * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function fromLocal(text) {
  return Math.floor(new Date(text).getTime() / 1000);
}

function plainOfRich(block) {
  return (block.elements ?? []).map((part) => (part.elements ?? []).map((item) => item.text ?? "").join("")).join("\n");
}

function richOfPlain(text) {
  return { type: "rich_text", elements: [{ type: "rich_text_section", elements: [{ type: "text", text }] }] };
}
