// Where a person types: messages, and slash commands with their suggestions.
import { slack, troubleOf } from "./api.js";
import { directory } from "./directory.js";
import { h, uid } from "./dom.js";
import { icon } from "./icons.js";
import { rove } from "./popup.js";
import { state } from "./state.js";
import { toast } from "./toast.js";

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const ADVICE = "Type / for commands. Enter sends, Shift+Enter begins a new line.";
const COMMAND = /^\/(\S+)(?:\s+([\s\S]*))?$/;

/** A composer; `target()` says where its messages go: {channel, thread_ts?}. */
export function createComposer({ testid, commands, target, onSent }) {
  const list = h("div", { class: "suggestions", role: "listbox", id: uid("suggestions"), "aria-label": "Commands", "data-testid": `${testid}-suggestions`, hidden: true });
  const field = h("textarea", {
    class: "composer__field",
    rows: "1",
    "data-testid": `${testid}-input`,
    role: commands ? "combobox" : null,
    "aria-autocomplete": commands ? "list" : null,
    "aria-controls": commands ? list.id : null,
    "aria-expanded": commands ? "false" : null,
    autocomplete: "off",
    enterkeyhint: "send",
  });
  const note = h("span", { class: "composer__note", role: "status", "data-testid": `${testid}-note` }, commands ? ADVICE : "");
  const button = h("button", { type: "submit", class: "composer__send", "aria-label": "Send", "data-testid": `${testid}-send` }, icon("send"));
  const form = h("form", { class: "composer" }, list, h("div", { class: "composer__box" }, field, button), note);
  const suggest = commands ? suggestions(field, list) : { take: () => false, close: () => {} };
  const send = async () => {
    const text = field.value.trim();
    if (text === "") return;
    field.value = "";
    grow(field);
    suggest.close();
    onSent();
    note.replaceChildren(...(COMMAND.test(text) && commands ? ["Sending…"] : []));
    const outcome = await deliver(text, target(), commands);
    note.replaceChildren(acknowledged(outcome));
    const trouble = troubleOf(outcome);
    if (!trouble) return;
    toast(trouble, "error");
    if (field.value === "") field.value = text; // nothing typed is lost
    grow(field);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  field.addEventListener("input", () => grow(field));
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.defaultPrevented) return;
    event.preventDefault();
    send();
  });
  return {
    node: form,
    focus: () => field.focus({ preventScroll: true }),
    setPlaceholder: (text) => {
      field.placeholder = text;
      field.setAttribute("aria-label", text);
    },
  };
}

function acknowledged(outcome) {
  if (typeof outcome.ack_seconds !== "number") return "";
  return `The bot acknowledged in ${Math.max(1, Math.round(outcome.ack_seconds * 1000))} ms`;
}

function deliver(text, where, commands) {
  const command = COMMAND.exec(text);
  if (command && commands) return slack.command({ user: state.user, channel: where.channel, text });
  return slack.message({ user: state.user, ...where, text: withMentions(escaped(text)) });
}

/** `@Dana Ortiz` and `#general` become what Slack sends for them. */
function withMentions(text) {
  const byLength = (a, b) => b.name.length - a.name.length;
  for (const user of [...directory.users.values()].sort(byLength)) text = text.replaceAll(`@${user.name}`, `<@${user.id}>`);
  for (const channel of [...directory.channels.values()].filter((one) => one.name).sort(byLength)) {
    text = text.replaceAll(`#${channel.name}`, `<#${channel.id}|${channel.name}>`);
  }
  return text;
}

function grow(field) {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, 180)}px`;
}

/** Offers the commands while a line begins with a slash: first their names, then the words of the usage hint. */
function suggestions(field, list) {
  const items = () => [...list.querySelectorAll("[role=option]")];
  const close = () => {
    list.hidden = true;
    list.replaceChildren();
    field.setAttribute("aria-expanded", "false");
    roving.mark(-1);
  };
  const take = (node) => {
    field.value = node.dataset.value;
    field.focus();
    show();
  };
  const roving = rove(field, items, take);
  const show = () => {
    const offers = offersFor(field.value);
    list.replaceChildren(...offers.map((offer) => offerNode(offer, take)));
    list.hidden = offers.length === 0;
    field.setAttribute("aria-expanded", String(offers.length > 0));
    roving.mark(-1);
  };
  field.addEventListener("input", show);
  field.addEventListener("blur", () => setTimeout(() => document.activeElement !== field && close(), 150));
  field.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "Escape") {
      event.preventDefault();
      close();
    }
    const chosen = roving.active() ?? items()[0];
    if (event.key === "Tab" && !event.shiftKey && chosen && chosen.dataset.value !== field.value) {
      event.preventDefault();
      take(chosen);
    }
  });
  return { close };
}

function offersFor(text) {
  if (!text.startsWith("/") || text.includes("\n")) return [];
  const known = state.boot?.commands ?? [];
  const space = text.indexOf(" ");
  if (space < 0) {
    return known
      .filter(({ command }) => command.startsWith(text))
      .map(({ command, usage_hint: hint, description }) => ({ value: `${command} `, title: command, hint: hint ?? "", description: description ?? "" }));
  }
  const command = known.find((one) => one.command === text.slice(0, space));
  const typed = text.slice(space + 1).toLocaleLowerCase();
  return wordsOf(command?.usage_hint).filter(({ word }) => word.startsWith(typed) && word !== typed).map(({ word, rest }) => ({
    value: `${command.command} ${word}${rest ? " " : ""}`,
    title: `${command.command} ${word}`,
    hint: rest,
    description: "",
  }));
}

/** The alternatives in a usage hint such as "health | ack N | [runbook words]". */
function wordsOf(hint) {
  return (hint ?? "")
    .split(/[|,]/)
    .map((part) => /^[\s[(]*([a-z][a-z-]*)\b\s*(.*?)[\s\])…]*$/i.exec(part))
    .filter(Boolean)
    .map(([, word, rest]) => ({ word, rest }));
}

function offerNode(offer, take) {
  const node = h(
    "div",
    { role: "option", class: "suggestion", id: uid("offer"), "data-value": offer.value, "aria-selected": "false" },
    h("span", { class: "suggestion__title" }, offer.title),
    offer.hint ? h("span", { class: "suggestion__hint" }, offer.hint) : null,
    offer.description ? h("span", { class: "suggestion__text" }, offer.description) : null,
  );
  node.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  node.addEventListener("click", () => take(node));
  return node;
}
