// Times in the reader's own zone, as Slack shows them.
import { now } from "./directory.js";

const DAY_MS = 86_400_000;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const clockWithSeconds = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const short = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", year: "numeric" });
const medium = new Intl.DateTimeFormat(undefined, { month: "long", day: "numeric", year: "numeric" });
const long = new Intl.DateTimeFormat(undefined, { weekday: "long", month: "long", day: "numeric", year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

/** The moment of a message's `ts` ("1700000000.000100"). */
export function dateOfTs(ts) {
  return new Date(Number.parseFloat(ts) * 1000);
}

export const timeText = (date) => clock.format(date);
export const secondsText = (date) => clockWithSeconds.format(date);
export const fullText = (date) => full.format(date);

/** "Today", "Yesterday", or the day in full; for the lines between messages. */
export function dayText(date) {
  return pretty(date, (when) => long.format(when));
}

/** "today at 12:03", "Nov 22, 2026 at 12:03"; unlike "3 minutes ago" it stays true. */
export function whenText(date) {
  const day = formatTokens("{date_short_pretty}", date);
  return `${/\d/.test(day) ? day : day.toLowerCase()} at ${timeText(date)}`;
}

/** A key that is the same for all moments of one local day. */
export function dayKey(date) {
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

/** "3 minutes ago", "in 2 hours". */
export function agoText(date, from = now()) {
  const seconds = (date - from) / 1000;
  for (const [unit, size] of [["day", 86_400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return relative.format(Math.trunc(seconds), "second");
}

/** Fills Slack's date tokens ("{date_short_pretty} at {time}") for a moment. */
export function formatTokens(format, date) {
  const forms = {
    date_num: () => date.toLocaleDateString("sv-SE"),
    date: () => medium.format(date),
    date_short: () => short.format(date),
    date_long: () => long.format(date),
    date_pretty: () => pretty(date, (when) => medium.format(when)),
    date_short_pretty: () => pretty(date, (when) => short.format(when)),
    date_long_pretty: () => pretty(date, (when) => long.format(when)),
    time: () => clock.format(date),
    time_secs: () => clockWithSeconds.format(date),
    ago: () => agoText(date),
    day_divider_pretty: () => dayText(date),
  };
  return format.replace(/\{(\w+)\}/g, (token, name) => (Object.hasOwn(forms, name) ? forms[name]() : token));
}

function pretty(date, otherwise) {
  const today = now();
  const days = Math.round((midnight(date) - midnight(today)) / DAY_MS);
  if (days === 0) return "Today";
  if (days === -1) return "Yesterday";
  if (days === 1) return "Tomorrow";
  return otherwise(date);
}

function midnight(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate());
}
