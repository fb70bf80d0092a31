// Block Kit to nodes. A `host` says where the blocks stand (a message, a modal, the home tab) and takes actions.
import { buttonElement, overflowElement } from "./buttons.js";
import { checkboxesElement, radioElement, selectElement } from "./choices.js";
import { h, link, ownUrl, uid } from "./dom.js";
import { ENTRY_TYPES, entryElement } from "./entries.js";
import { icon } from "./icons.js";
import { markdown } from "./markdown.js";
import { plain, textNodes, words } from "./mrkdwn.js";
import { richText } from "./richtext.js";

const SELECT = /^(multi_)?(static|external|users|conversations|channels)_select$/;

const BLOCKS = {
  section,
  header: (block) => h("p", { class: "b-header", role: "heading", "aria-level": "3" }, ...textNodes(block.text)),
  divider: () => h("hr"),
  context,
  actions: (block, host) => h("div", { class: "b-actions" }, ...block.elements.map((element) => control(element, block, host))),
  context_actions: (block, host) => h("div", { class: "b-actions" }, ...block.elements.map((element) => control(element, block, host))),
  image: imageBlock,
  input: inputBlock,
  rich_text: (block) => h("div", { class: "text rich" }, ...richText(block)),
  markdown: (block) => h("div", { class: "text markdown" }, ...markdown(block.text)),
  table: tableBlock,
  file: (block) => h("p", { class: "text muted" }, icon("file", 14), " ", block.external_id ?? "file"),
};

/** Nodes for a list of blocks. */
export function blockNodes(blocks, host) {
  return (blocks ?? []).map((block) => {
    const make = Object.hasOwn(BLOCKS, block.type) ? BLOCKS[block.type] : unknown;
    const node = make(block, host);
    node.classList.add("block");
    if (block.block_id) node.dataset.blockId = block.block_id;
    return node;
  });
}

function control(element, block, host) {
  if (element.type === "button" || element.type === "workflow_button") return buttonElement(element, block, host);
  if (element.type === "overflow") return overflowElement(element, block, host);
  if (SELECT.test(element.type)) return selectElement(element, block, host);
  if (element.type === "radio_buttons") return radioElement(element, block, host);
  if (element.type === "checkboxes") return checkboxesElement(element, block, host);
  if (ENTRY_TYPES.includes(element.type)) return entryElement(element, block, host);
  if (element.type === "feedback_buttons") return feedback(element, block, host);
  if (element.type === "image") return picture(element.image_url, element.alt_text, "b-thumbnail");
  return unknown(element);
}

function feedback(element, block, host) {
  const make = (button) => buttonElement({ ...button, type: "button", action_id: element.action_id }, block, host);
  return h("span", { class: "b-actions" }, make(element.positive_button), make(element.negative_button));
}

function section(block, host) {
  const body = [];
  if (block.text) body.push(h("div", { class: "text" }, ...textNodes(block.text)));
  if (block.fields) body.push(h("div", { class: "b-fields" }, ...block.fields.map((field) => h("div", { class: "text" }, ...textNodes(field)))));
  const accessory = block.accessory ? h("div", { class: "b-accessory" }, control(block.accessory, block, host)) : null;
  return h("div", { class: accessory ? "b-section b-section--with" : "b-section" }, h("div", { class: "b-section__body" }, ...body), accessory);
}

function context(block) {
  const parts = block.elements.map((element) =>
    element.type === "image" ? picture(element.image_url, element.alt_text, "b-context__image") : h("span", { class: "text" }, ...textNodes(element)),
  );
  return h("div", { class: "b-context" }, ...parts);
}

function imageBlock(block) {
  const title = block.title ? h("figcaption", {}, ...textNodes(block.title)) : null;
  const source = block.image_url ?? block.slack_file?.url ?? (block.slack_file?.id ? `/slack/client/files/${encodeURIComponent(block.slack_file.id)}` : "");
  return h("figure", { class: "b-image" }, title, picture(source, block.alt_text, "b-image__picture"));
}

/** A picture of this server, or the words for it and its link: the page fetches nothing from outside. */
export function picture(source, alternative, className) {
  const address = ownUrl(source ?? "");
  if (address) return h("img", { class: className, src: address, alt: alternative ?? "", loading: "lazy" });
  return h("span", { class: `${className} b-image__outside` }, icon("link", 14), " ", link(source ?? "", alternative || "image"));
}

function inputBlock(block, host) {
  const label = h("div", { class: "b-input__label", id: uid("label") }, ...textNodes(block.label), block.optional ? h("span", { class: "muted" }, " (optional)") : null);
  const hint = block.hint ? h("div", { class: "b-input__hint", id: uid("hint") }, ...textNodes(block.hint)) : null;
  const error = h("div", { class: "b-input__error", id: uid("error"), role: "alert", "data-testid": `error-${block.block_id}`, hidden: true });
  const field = control(block.element, block, host);
  host.described?.(block, { label, hint, error });
  return h("div", { class: "b-input" }, label, field, error, hint);
}

function tableBlock(block) {
  const settings = block.column_settings ?? [];
  const cell = (content, column, tag) => {
    const { align = "left", is_wrapped: wrapped = false } = settings[column] ?? {};
    return h(tag, { class: `align-${["left", "center", "right"].includes(align) ? align : "left"}${wrapped ? " is-wrapped" : ""}` }, ...cellNodes(content));
  };
  const [head = [], ...rows] = block.rows ?? [];
  const grid = h(
    "table",
    {},
    h("thead", {}, h("tr", {}, ...head.map((content, column) => cell(content, column, "th")))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((content, column) => cell(content, column, "td"))))),
  );
  return h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Table" }, grid);
}

function cellNodes(content) {
  if (content?.type === "rich_text") return richText(content);
  return plain(content?.text ?? content?.value ?? "");
}

function unknown(block) {
  return h("p", { class: "muted text" }, `(a ${block.type ?? "nameless"} that this page does not show)`);
}

/** Blocks that stand in a message or the home tab: no form around them. */
export function plainHost({ act, options }) {
  const fields = [];
  return {
    act,
    options,
    changed: (block, action) => (block.type === "input" && !block.dispatch_action ? null : act({ ...action, values: readAll(fields) })),
    kept: () => undefined,
    labelOf: (block) => (block.label ? words(block.label) : null),
    field: (block, element, entry) => fields.push({ block, element, ...entry }),
  };
}

/** What all fields hold, as Slack's `state.values`: block_id → action_id → state. */
export function readAll(fields) {
  const values = {};
  for (const { block, element, read } of fields) {
    if (!element.action_id || !block.block_id) continue;
    values[block.block_id] ??= {};
    values[block.block_id][element.action_id] = read();
  }
  return values;
}
