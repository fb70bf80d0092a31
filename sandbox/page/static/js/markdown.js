// Standard Markdown (the `markdown` block) to nodes: what a runbook or a postmortem uses.
import { h, link, uid } from "./dom.js";
import { emojiFor } from "./emoji.js";

const INLINE = new RegExp(
  [
    "(?<escape>\\\\[\\\\`*_{}\\[\\]()#+.!~|<>-])",
    "(?<code>`+)(?<codeText>[^`]+)\\k<code>",
    "!?\\[(?<label>[^\\[\\]]*)\\]\\((?<href>[^()\\s]+(?:\\([^()\\s]*\\))?)(?:\\s+\"[^\"]*\")?\\)",
    "<(?<auto>https?://[^<>\\s]+)>",
    "(?<strong>\\*\\*|__)(?=\\S)(?<strongText>.+?)(?<=\\S)\\k<strong>",
    "(?<em>(?<![\\p{L}\\p{N}])[*_])(?=[^\\s*_])(?<emText>[^*_]+)(?<=\\S)\\k<em>(?![\\p{L}\\p{N}])",
    "~~(?<strike>[^~]+)~~",
    "(?<bare>https?://[^\\s<>\"')]*[^\\s<>\"').,;:!?])",
    ":(?<emoji>[a-z0-9_+-]+):",
    "(?<newline> {2,}\\n|\\n)",
  ].join("|"),
  "gu",
);
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const TABLE_RULE = /^\s*\|?\s*:?-{1,}:?\s*(\|\s*:?-{1,}:?\s*)*\|?\s*$/;

/** Nodes for a Markdown text. */
export function markdown(text) {
  return blocks(String(text ?? "").replace(/\r\n?/g, "\n").split("\n"));
}

function blocks(lines) {
  const nodes = [];
  let at = 0;
  while (at < lines.length) {
    const [node, next] = block(lines, at);
    if (node) nodes.push(node);
    at = Math.max(next, at + 1);
  }
  return nodes;
}

function block(lines, at) {
  const line = lines[at];
  if (line.trim() === "") return [null, at + 1];
  const fence = /^\s*(```+|~~~+)/.exec(line);
  if (fence) return fenced(lines, at, fence[1]);
  const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
  if (heading) return [h("p", { class: `md-h md-h${heading[1].length}`, role: "heading", "aria-level": heading[1].length + 2 }, ...spans(heading[2])), at + 1];
  if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) return [h("hr"), at + 1];
  if (line.startsWith(">")) return quote(lines, at);
  if (ITEM.test(line)) return list(lines, at);
  if (line.includes("|") && TABLE_RULE.test(lines[at + 1] ?? "") && lines[at + 1].includes("-")) return table(lines, at);
  return paragraph(lines, at);
}

function fenced(lines, at, mark) {
  let end = at + 1;
  while (end < lines.length && !lines[end].trim().startsWith(mark)) end += 1;
  const code = lines.slice(at + 1, end).join("\n");
  return [h("pre", { class: "code" }, h("code", {}, code)), end + 1];
}

function quote(lines, at) {
  let end = at;
  while (end < lines.length && lines[end].startsWith(">")) end += 1;
  return [h("blockquote", {}, ...blocks(lines.slice(at, end).map((line) => line.replace(/^> ?/, "")))), end];
}

function paragraph(lines, at) {
  let end = at + 1;
  const stops = (line) => line.trim() === "" || /^(#{1,6}\s|>|\s*```|\s*~~~)/.test(line) || ITEM.test(line);
  while (end < lines.length && !stops(lines[end])) end += 1;
  return [h("p", {}, ...spans(lines.slice(at, end).join("\n"))), end];
}

function list(lines, at) {
  const first = ITEM.exec(lines[at]);
  const indent = first[1].length;
  const ordered = /\d/.test(first[2]);
  const items = [];
  let end = at;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end]);
    if (!item || item[1].length < indent || (item[1].length === indent && /\d/.test(item[2]) !== ordered)) break;
    const body = [item[3]];
    end += 1;
    while (end < lines.length && continues(lines, end, indent)) {
      body.push(lines[end].slice(Math.min(indent + 2, lines[end].search(/\S|$/))));
      end += 1;
    }
    items.push(listItem(body));
    while (end < lines.length && lines[end].trim() === "" && ITEM.test(lines[end + 1] ?? "")) end += 1;
  }
  const start = ordered ? Number.parseInt(first[2], 10) : null;
  return [h(ordered ? "ol" : "ul", { start: start === 1 ? null : start }, ...items), end];
}

function continues(lines, at, indent) {
  const depth = lines[at].search(/\S/);
  return depth > indent || (depth === -1 && (lines[at + 1] ?? "").search(/\S/) > indent);
}

function listItem(body) {
  const task = /^\[([ xX])\]\s+(.*)$/.exec(body[0]);
  if (task) {
    const box = h("input", { type: "checkbox", checked: task[1] !== " ", disabled: true, id: uid("task") });
    return h("li", { class: "task" }, box, h("label", { for: box.id }, ...spans(task[2])), ...blocks(body.slice(1)));
  }
  const split = body.findIndex((line, index) => index > 0 && (line.trim() === "" || ITEM.test(line) || /^\s*```/.test(line)));
  const head = split < 0 ? body : body.slice(0, split);
  return h("li", {}, ...spans(head.join("\n")), ...(split < 0 ? [] : blocks(body.slice(split))));
}

function table(lines, at) {
  const aligns = cells(lines[at + 1]).map((rule) => (/^:-+:$/.test(rule) ? "center" : rule.endsWith(":") ? "right" : "left"));
  const row = (line, tag) =>
    h("tr", {}, ...aligns.map((align, column) => h(tag, { class: `align-${align}` }, ...spans(cells(line)[column] ?? ""))));
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|") && lines[end].trim() !== "") end += 1;
  const body = lines.slice(at + 2, end).map((line) => row(line, "td"));
  const grid = h("table", {}, h("thead", {}, row(lines[at], "th")), h("tbody", {}, ...body));
  return [h("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Table" }, grid), end];
}

function cells(line) {
  return line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

function spans(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > from) nodes.push(text.slice(from, match.index));
    nodes.push(span(match.groups, match[0]));
    from = match.index + match[0].length;
  }
  if (from < text.length) nodes.push(text.slice(from));
  return nodes;
}

function span(groups, whole) {
  if (groups.escape) return whole[1];
  if (groups.codeText !== undefined) return h("code", {}, groups.codeText.trim());
  if (groups.label !== undefined) return link(groups.href, ...spans(groups.label));
  if (groups.auto) return link(groups.auto, groups.auto);
  if (groups.strongText !== undefined) return h("strong", {}, ...spans(groups.strongText));
  if (groups.emText !== undefined) return h("em", {}, ...spans(groups.emText));
  if (groups.strike !== undefined) return h("s", {}, ...spans(groups.strike));
  if (groups.bare) return link(groups.bare, groups.bare);
  if (groups.emoji) return emojiFor(groups.emoji) ?? whole;
  return h("br");
}
