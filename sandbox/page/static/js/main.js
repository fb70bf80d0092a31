// Puts the page together: who one is, where one looks, and what arrives.
import { listen, slack, troubleOf } from "./api.js";
import { createConversation, createThread } from "./conversation.js";
import { directory, learn, nameOf } from "./directory.js";
import { debounce, h } from "./dom.js";
import { createHome } from "./home.js";
import { isSystem } from "./message.js";
import { mrkdwn } from "./mrkdwn.js";
import { setUpModals, showView } from "./modal.js";
import { createPersonas, createSidebar } from "./sidebar.js";
import { PERSONAS, channelName, currentChannel, fromAddress, settleChannel, state, toAddress } from "./state.js";
import { toast } from "./toast.js";
import { createWorld } from "./world.js";

const byId = (id) => document.getElementById(id);
const REBOOT_MS = 80;
const MOST_WORDS = 110; // characters of a message in a notice

const thread = createThread({ pane: byId("thread"), onClose: () => document.body.classList.remove("has-thread") });
const openThread = (ts) => {
  document.body.classList.add("has-thread");
  thread.open(ts);
};
const conversation = createConversation({ list: byId("messages"), composerPlace: byId("composer"), openThread });
const home = createHome(byId("home"));
const personas = createPersonas(byId("personas"), become);
const sidebar = createSidebar(byId("sidebar"), {
  onChannel: (channel) => go(channel.id, "messages"),
  onApp: (channel) => go(channel.id, "home"),
});
const world = createWorld(byId("world-parts"), { onClock: refreshAll, persona: () => state.user });

let stopListening = () => {};
let boots = 0;
let viewNews = 0; // how many events have told of views and homes: a boot asked for before the latest is stale

async function boot() {
  const user = state.user;
  const news = viewNews;
  boots += 1;
  const mine = boots;
  const answer = await slack.boot(user);
  if (user !== state.user || mine !== boots) return; // a later boot, or another person, has overtaken this one
  const trouble = troubleOf(answer);
  if (trouble) {
    toast(trouble, "error");
    return;
  }
  state.boot = answer;
  learn(answer);
  settleChannel();
  if (news === viewNews) {
    home.show(answer.home);
    showView(answer.view);
  }
  show();
}

function show() {
  const channel = currentChannel();
  const isApp = Boolean(channel?.is_im);
  toAddress();
  personas.show();
  sidebar.show();
  byId("channel-name").textContent = channelName(channel);
  byId("channel-sign").textContent = isApp ? "🤖" : "#";
  byId("channel-topic").textContent = topicOf(channel);
  byId("tabs").hidden = !isApp;
  const atHome = isApp && state.tab === "home";
  byId("home").hidden = !atHome;
  home.setVisible(atHome);
  byId("talk").hidden = atHome;
  for (const name of ["home", "messages"]) {
    const chosen = (name === "home") === atHome;
    byId(`tab-${name}`).setAttribute("aria-selected", String(chosen));
    byId(`tab-${name}`).tabIndex = chosen ? 0 : -1;
  }
  conversation.arrive();
}

function topicOf(channel) {
  if (!channel) return "";
  if (channel.is_im) return "App";
  return channel.topic || `${channel.members?.length ?? 0} members`;
}

async function become(user) {
  if (user === state.user && state.boot) return;
  state.user = user;
  state.unread.clear();
  thread.close();
  showView(null);
  world.forgetActor();
  await start();
  const persona = PERSONAS.find((one) => one.id === user);
  byId("announcer").textContent = `You are ${persona?.name}, ${persona?.role}`;
}

async function go(channelId, tab) {
  if (channelId !== state.channel) thread.close();
  state.channel = channelId;
  state.tab = tab;
  state.unread.delete(channelId);
  showPart("talk");
  show();
  await Promise.all([tab === "home" ? home.open() : null, conversation.refreshNow()]);
}

const reboot = debounce(REBOOT_MS, boot);

function refreshAll() {
  conversation.refresh();
  thread.refresh();
  reboot();
}

// What each kind of event means for what is shown; anything else only asks for a new look at the messages.
const ARRIVALS = {
  view_opened: (event) => showView(event.view),
  view_updated: (event) => showView(event.view),
  view_closed: () => reboot(),
  home: (event) => home.show(event.view),
  channel_joined: () => reboot(),
};

function arrived(event) {
  if (Object.hasOwn(ARRIVALS, event.type)) {
    viewNews += 1;
    ARRIVALS[event.type](event);
    return;
  }
  if (event.channel && !directory.channels.has(event.channel)) reboot();
  if (event.type === "message") announce(event.channel, event.message);
  if (!event.channel || event.channel === state.channel) {
    conversation.refresh();
    thread.refresh();
  } else if (event.type === "message" && event.message?.user !== state.user && !isSystem(event.message)) {
    state.unread.set(event.channel, (state.unread.get(event.channel) ?? 0) + 1);
    sidebar.show();
  }
}

/** A reply in a thread that is not open, or a direct message, would pass unseen: say so, with the way there. */
function announce(channelId, message) {
  if (message.user === state.user) return;
  const channel = directory.channels.get(channelId);
  const isReply = message.thread_ts && message.thread_ts !== message.ts;
  const said = `${nameOf(message.user)}: ${excerpt(message.text)}`;
  if (channelId === state.channel && isReply && message.thread_ts !== state.thread) {
    toast(said, "info", { label: "Open thread", run: () => (showPart("talk"), openThread(message.thread_ts)) });
  } else if (channel?.is_im && channelId !== state.channel) {
    toast(said, "info", { label: "Open", run: () => go(channelId, "messages") });
  }
}

function excerpt(text) {
  const words = h("span", {}, ...mrkdwn(text)).textContent.replace(/\s+/g, " ").trim();
  return words.length > MOST_WORDS ? `${words.slice(0, MOST_WORDS)}…` : words;
}

function listenAgain() {
  stopListening();
  stopListening = listen(state.user, {
    onEvent: arrived,
    onOpen: () => {
      byId("lost").hidden = true;
      refreshAll(); // whatever happened while nobody listened
    },
    onLost: () => (byId("lost").hidden = false),
  });
}

async function start() {
  await boot();
  listenAgain();
  await conversation.refreshNow();
}

// On a phone one part fills the screen at a time; on a wide screen the world can be folded away.
function showPart(name) {
  document.body.dataset.part = name;
  for (const button of document.querySelectorAll("[data-part-button]")) {
    const chosen = button.dataset.partButton === name;
    button.setAttribute("aria-pressed", String(chosen));
  }
}

for (const button of document.querySelectorAll("[data-part-button]")) {
  button.addEventListener("click", () => showPart(button.dataset.partButton));
}
byId("world-toggle").addEventListener("click", () => {
  const folded = document.body.classList.toggle("world-folded");
  byId("world-toggle").setAttribute("aria-expanded", String(!folded));
});
for (const name of ["home", "messages"]) byId(`tab-${name}`).addEventListener("click", () => go(state.channel, name));
byId("tabs").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
  const other = state.tab === "home" ? "messages" : "home";
  go(state.channel, other);
  byId(`tab-${other}`).focus();
});

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address holds who one is
  showPart("talk");
  conversation.focus();
});

// Somebody has changed the address by hand, or followed a link to another person or channel.
window.addEventListener("hashchange", () => {
  const { user, channel } = state;
  fromAddress();
  const [wantedUser, wantedChannel] = [state.user, state.channel];
  Object.assign(state, { user, channel: wantedUser === user ? channel : wantedChannel });
  if (wantedUser !== user) become(wantedUser);
  else if (wantedChannel !== channel && directory.channels.has(wantedChannel)) go(wantedChannel, "messages");
  else toAddress();
});

// A browser allows six connections to one server: windows that nobody sees leave theirs to the others.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) stopListening();
  else listenAgain();
});

setUpModals({ refresh: boot });
fromAddress();
showPart("talk");
world.start();
await start();
document.body.dataset.ready = "true";
