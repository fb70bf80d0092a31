// The wires to the server: the local Slack's browser API below /slack/client, the world's below /control.

const UNREACHABLE = { ok: false, error: "unreachable", text: "The sandbox does not answer. Is `ats-bot demo` still running?" };

async function call(path, options) {
  try {
    const response = await fetch(path, options);
    const type = response.headers.get("content-type") ?? "";
    if (!type.includes("json")) return { ok: false, error: `http_${response.status}`, text: `The sandbox answered ${response.status}.` };
    return await response.json();
  } catch {
    return UNREACHABLE;
  }
}

export const get = (path) => call(path, { headers: { accept: "application/json" } });

export const post = (path, body) =>
  call(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

const query = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value)).toString();

/** What a person can do in the local Slack. Each answers {ok, error, text, ack_seconds, …} and never throws. */
export const slack = {
  boot: (user) => get(`/slack/client/boot?${query({ user })}`),
  messages: (user, channel, thread) => get(`/slack/client/messages?${query({ user, channel, thread_ts: thread })}`),
  command: (body) => post("/slack/client/command", body),
  message: (body) => post("/slack/client/message", body),
  action: (body) => post("/slack/client/action", body),
  submit: (body) => post("/slack/client/submit", body),
  close: (body) => post("/slack/client/close", body),
  options: (body) => post("/slack/client/options", body),
  openHome: (body) => post("/slack/client/open_home", body),
  react: (body) => post("/slack/client/react", body),
};

/** What the panel of the world can do. */
export const control = {
  state: () => get("/control/state"),
  alert: (id) => post("/control/alert", { id }),
  clock: (minutes) => post("/control/clock", { minutes }),
  pagerduty: (incident, action, user) => post("/control/pagerduty", { incident, action, user }),
  heal: () => post("/control/heal", {}),
  fault: (name, on) => post("/control/fault", { name, on }),
};

/** Listens to what happens for one person; `onOpen` also runs after a lost connection is back. */
export function listen(user, { onEvent, onOpen, onLost }) {
  const source = new EventSource(`/slack/client/events?${query({ user })}`);
  source.addEventListener("message", (event) => onEvent(JSON.parse(event.data)));
  source.addEventListener("open", onOpen);
  source.addEventListener("error", onLost);
  return () => source.close();
}

const SENTENCES = {
  operation_timeout: "The bot did not acknowledge within 3 seconds; it may be stopped or still starting.",
  dispatch_failed: "The bot could not be reached; it may be stopped or still starting.",
  operation_failed: "The bot answered with an error.",
  not_in_channel: "You are not in this channel.",
  channel_not_found: "There is no such channel, or you are not in it.",
};

/** A sentence for a failed outcome, or null for a good one. */
export function troubleOf(outcome) {
  if (outcome.ok) return null;
  if (outcome.errors) return null; // shown beside the fields
  const hint = SENTENCES[outcome.error];
  const told = outcome.text || (hint ? "" : `That did not work: ${String(outcome.error ?? "unknown error").replaceAll("_", " ")}`);
  return [told && !/[.?!]$/.test(told) ? `${told}.` : told, hint].filter(Boolean).join(" ");
}
