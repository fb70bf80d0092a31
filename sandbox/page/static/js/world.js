// The world around the bot: its clock, its alerts, PagerDuty, faults, and what the bot has called lately.
import { control, troubleOf } from "./api.js";
import { busy } from "./buttons.js";
import { secondsText, timeText, dayText } from "./dates.js";
import { directory, now } from "./directory.js";
import { h, reconcile, uid } from "./dom.js";
import { picker, filtered } from "./picker.js";
import { toast } from "./toast.js";

const POLL_MS = 1500;
const STEPS = [[1, "+1 min"], [15, "+15 min"], [60, "+1 h"]];

/** The panel; `start()` begins to follow the server. */
export function createWorld(place, { onClock, persona }) {
  let actor = null; // the PagerDuty user to act as; null: the one with the persona's e-mail
  let latest = null;
  const parts = { clock: clockPart(move), alerts: listPart("Raise an alert", "alerts"), pagerduty: listPart("PagerDuty", "pagerduty"), onCall: listPart("On call now", "oncall"), faults: listPart("Faults", "faults"), calls: listPart("What the bot did", "calls", "The latest calls it made, newest first.") };
  const chooser = h("div", { class: "world__actor" });
  parts.pagerduty.body.before(chooser);
  parts.faults.body.after(healButton(() => tell(control.heal)));
  place.append(...Object.values(parts).map((part) => part.node));

  async function tell(work) {
    const outcome = await work();
    const trouble = troubleOf(outcome);
    if (trouble) toast(trouble, "error");
    else if (outcome.text) toast(outcome.text);
    await refresh();
    return outcome;
  }
  async function move(minutes) {
    await tell(() => control.clock(minutes));
    onClock();
  }
  async function refresh() {
    const answer = await control.state();
    place.classList.toggle("is-lost", !answer.ok);
    if (!answer.ok) return;
    latest = answer;
    directory.offsetMs = new Date(answer.now) - Date.now();
    show();
  }
  function show() {
    showAlerts(parts.alerts.body, latest.alerts, (id) => tell(() => control.alert(id)));
    showActor();
    showIncidents(parts.pagerduty.body, latest.pagerduty.incidents, (incident, action) => tell(() => control.pagerduty(incident.id, action, actorId())));
    showOnCall(parts.onCall.body, latest.pagerduty.on_call);
    showFaults(parts.faults.body, latest.faults, (name, on) => tell(() => control.fault(name, on)));
    showCalls(parts.calls.body, latest.calls);
    parts.clock.tick(latest.offset_seconds);
    showBot(latest.bot);
  }
  const actorId = () => actor ?? latest.pagerduty.users.find((user) => user.persona === persona())?.id ?? latest.pagerduty.users[0]?.id ?? null;
  function showActor() {
    const users = latest.pagerduty.users;
    const signature = JSON.stringify([users, actorId()]);
    if (chooser.dataset.signature === signature || chooser.contains(document.activeElement)) return;
    chooser.dataset.signature = signature;
    const options = users.map((user) => ({ key: user.id, label: user.name, node: () => [user.name], data: user.id }));
    const chosen = options.filter((option) => option.key === actorId());
    const control_ = picker({ label: "Act in PagerDuty as", placeholder: "Choose…", load: filtered([{ options }]), chosen, testid: "pagerduty-as", onChange: ([option]) => (actor = option.data) });
    chooser.replaceChildren(h("span", { class: "muted" }, "Act as"), control_.node);
  }
  const loop = async () => {
    if (!document.hidden) await refresh();
    setTimeout(loop, POLL_MS);
  };
  return { start: () => (loop(), setInterval(() => parts.clock.tick(latest?.offset_seconds ?? 0), 1000)), refresh, forgetActor: () => (actor = null) };
}

function section(title, testid, ...content) {
  const heading = h("h3", { class: "world__title", id: uid("world") }, title);
  return h("section", { class: "world__part", "aria-labelledby": heading.id, "data-testid": `world-${testid}` }, heading, ...content);
}

function listPart(title, testid, note = null) {
  const body = h("ul", { class: "world__list" });
  return { body, node: section(title, testid, note ? h("p", { class: "world__note" }, note) : null, body) };
}

function clockPart(move) {
  const time = h("time", { class: "world__time", "data-testid": "clock" });
  const ahead = h("span", { class: "world__ahead", "data-testid": "clock-offset" });
  const buttons = STEPS.map(([minutes, text]) => {
    const button = h("button", { type: "button", class: "button", "data-testid": `clock-${minutes}`, "aria-label": `Move the clock ${text}` }, text);
    button.addEventListener("click", () => button.getAttribute("aria-busy") !== "true" && busy(button, () => move(minutes)));
    return button;
  });
  const tick = (offsetSeconds) => {
    const date = now();
    time.dateTime = date.toISOString();
    time.textContent = secondsText(date);
    ahead.textContent = `${dayText(date)} · ${aheadText(offsetSeconds)}`;
  };
  const node = section("Clock", "clock", h("div", { class: "world__clock" }, time, ahead), h("div", { class: "world__buttons" }, ...buttons));
  return { node, tick };
}

function aheadText(seconds) {
  const minutes = Math.round(seconds / 60);
  if (minutes === 0) return "real time";
  const hours = Math.floor(minutes / 60);
  return [hours ? `${hours} h` : "", minutes % 60 ? `${minutes % 60} min` : ""].filter(Boolean).join(" ") + " ahead";
}

function healButton(heal) {
  const button = h("button", { type: "button", class: "button button--small world__heal", "data-testid": "heal" }, "Make the trading platform well again");
  button.addEventListener("click", () => button.getAttribute("aria-busy") !== "true" && busy(button, heal));
  return button;
}

function showBot(bot) {
  if (!bot) return;
  const text = bot.ready === false ? "The bot is not ready" : "The bot is ready";
  const place = document.getElementById("world-subtitle");
  if (place.textContent !== text) place.textContent = text;
}

const signature = (item) => JSON.stringify(item);

function showAlerts(list, alerts, raise) {
  reconcile(list, alerts, {
    key: (alert) => alert.id,
    signature,
    render: (alert) => {
      const button = h("button", { type: "button", class: "alert", "data-testid": `alert-${alert.id}`, "data-focus": "raise", title: alert.summary, "aria-label": `Raise ${alert.severity}: ${alert.title}` }, pill(alert.severity), h("span", { class: "alert__title" }, alert.title), h("span", { class: "alert__raise" }, "Raise"));
      button.addEventListener("click", () => button.getAttribute("aria-busy") !== "true" && busy(button, () => raise(alert.id)));
      return h("li", {}, button);
    },
  });
}

function pill(severity) {
  return h("span", { class: `pill pill--${String(severity).toLowerCase()}` }, severity);
}

const ACTIONS = { triggered: ["acknowledge", "resolve"], acknowledged: ["resolve"], resolved: [] };
const WORDS = { acknowledge: "Acknowledge", resolve: "Resolve" };

function showIncidents(list, incidents, act) {
  const items = incidents.length > 0 ? incidents : [{ id: "none" }];
  reconcile(list, items, {
    key: (incident) => incident.id,
    signature,
    render: (incident) => (incident.id === "none" ? h("li", { class: "world__note" }, "No incidents. Raise an alert above.") : incidentNode(incident, act)),
  });
}

function incidentNode(incident, act) {
  const buttons = (ACTIONS[incident.status] ?? []).map((action) => {
    const button = h("button", { type: "button", class: "button button--small", "data-testid": `pd-${action}-${incident.number}`, "data-focus": action, "aria-label": `${WORDS[action]} incident ${incident.number} in PagerDuty` }, WORDS[action]);
    button.addEventListener("click", () => button.getAttribute("aria-busy") !== "true" && busy(button, () => act(incident, action)));
    return button;
  });
  const assignees = incident.assignees.length > 0 ? incident.assignees.join(", ") : "nobody";
  return h(
    "li",
    { class: "incident", "data-testid": `incident-${incident.number}`, "data-status": incident.status },
    h("div", { class: "incident__head" }, h("span", { class: `status status--${incident.status}` }, incident.status), h("span", { class: "muted" }, `#${incident.number}`), incident.priority ? pill(incident.priority) : null, h("time", { class: "muted incident__time", datetime: incident.created_at }, timeText(new Date(incident.created_at)))),
    h("div", { class: "incident__title" }, incident.title),
    h("div", { class: "muted" }, `${incident.service} · ${incident.status === "resolved" ? "was with" : "with"} ${assignees}`),
    buttons.length > 0 ? h("div", { class: "world__buttons" }, ...buttons) : null,
  );
}

function showOnCall(list, entries) {
  reconcile(list, entries, {
    key: (entry) => `${entry.schedule}/${entry.level ?? ""}/${entry.user}`,
    signature,
    render: (entry) => h("li", { class: "oncall" }, h("span", {}, entry.user), h("span", { class: "muted" }, entry.schedule)),
  });
}

function showFaults(list, faults, set) {
  reconcile(list, faults, {
    key: (fault) => fault.name,
    signature,
    render: (fault) => {
      const box = h("input", { type: "checkbox", role: "switch", class: "switch", id: uid("fault"), checked: fault.on, "data-testid": `fault-${fault.name}`, "data-focus": "fault" });
      box.addEventListener("change", () => set(fault.name, box.checked));
      return h("li", { class: "fault" }, h("label", { for: box.id }, fault.label, fault.detail ? h("small", {}, fault.detail) : null), box);
    },
  });
}

function showCalls(list, calls) {
  const items = calls.length > 0 ? calls : [{ id: "none" }];
  reconcile(list, items, {
    key: (call) => String(call.id),
    signature,
    render: (call) =>
      call.id === "none"
        ? h("li", { class: "world__note" }, "Nothing yet.")
        : h("li", { class: `call${call.ok ? "" : " call--bad"}` }, h("span", { class: `call__server call__server--${call.server}` }, call.server), h("span", { class: "call__method" }, call.method), h("span", { class: "call__status" }, call.error ?? call.status ?? "…")),
  });
}
