// The review: which findings are listed, which one is looked at, and what is decided.
import { count, element, listRow, percent, plural, showCard, showNothing, showProgress } from "./draw.js";
import { pick } from "./picker.js";
import { get, post } from "./requests.js";

const PAGE = 100;          // findings fetched at a time
const RANK_EVERY = Number(document.body.dataset.rankEvery);  // decisions after which the open findings are ranked again
const by = (id) => document.getElementById(id);
const form = by("filter-form");

let rows = [];             // findings listed, in the order of review
let total = 0;
let current = null;        // the one looked at
let under = null;          // category that the list is limited to
let sinceRanking = 0;
let busy = false;
let waiting = null;        // a new list asked for meanwhile
const skipped = new Set();  // looked at and left open
const made = [];           // numbers of this tab's decisions, for undo

const say = (text, problem = false) => {
  by("message").textContent = text;
  by("message").classList.toggle("problem", problem);
};

// One thing at a time: a key pressed before the next finding is shown must not decide that one.
// Only a new list waits for its turn, so that it agrees with the filters.
const exclusively = async (work) => {
  if (busy && work === restart) waiting = work;
  if (busy) return;
  busy = true;
  document.body.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (error) {
    say(error.message, true);
  } finally {
    busy = false;
    document.body.removeAttribute("aria-busy");
  }
  const next = waiting;
  waiting = null;
  if (next) await exclusively(next);
};

const filters = () => {
  const given = Object.fromEntries(new FormData(form));
  const chosen = { kind: given.kind, state: given.state, at_least: given.at_least / 100, at_most: given.at_most / 100 };
  if (under) chosen.under = under.key;
  return chosen;
};

// The server lists what the filter asks for now: of the findings here, those decided meanwhile may be gone.
const isListed = (finding) => form.state.value === "all" || (form.state.value === "decided") === Boolean(finding.decision);
const listed = () => rows.filter(isListed).length;
const hasMore = () => listed() < total;

const drawList = () => {
  by("findings").replaceChildren(...rows.map((finding) => listRow(finding, finding.row === current?.row)));
  by("found").textContent = `${plural(total, "finding")}, most doubtful first`;
  by("more").hidden = !hasMore();
  by("findings").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
};

const load = async (start = 0) => {
  const answer = await get("/api/findings", { ...filters(), start, count: PAGE });
  if (start) {
    const known = new Set(rows.map((finding) => finding.row));  // another tab may have moved the order
    rows = rows.concat(answer.rows.filter((finding) => !known.has(finding.row)));
  } else {
    rows = answer.rows;
    sinceRanking = 0;
  }
  total = answer.total;
  showProgress(answer.progress);
};

const show = async (row) => {
  current = await get(`/api/findings/${row}`);
  showCard(current);
  document.querySelector('[data-act="accept"]').disabled = current.suggested === null;
  drawList();
};

const isNext = (finding) => !finding.decision && !skipped.has(finding.row);
const placeOf = (row) => rows.findIndex((finding) => finding.row === row);

const restart = async () => {
  await load();
  const next = (form.state.value === "decided" ? rows[0] : rows.find(isNext)) ?? rows[0];
  if (next) return show(next.row);
  current = null;
  showNothing("No finding is left here.");
  document.querySelector('[data-act="accept"]').disabled = true;
  drawList();
};

const advance = async () => {
  const after = () => rows.slice(placeOf(current.row) + 1).find(isNext);
  if (sinceRanking >= RANK_EVERY) return restart();
  if (!after() && hasMore()) await load(listed());
  const next = after();
  return next ? show(next.row) : restart();
};

const replace = (card) => {
  const place = placeOf(card.row);
  if (place < 0) return;
  total += isListed(card) - isListed(rows[place]);
  rows[place] = card;
};

const decide = async (verdict, node) => {
  const { number, card, progress } = await post("/api/decisions", { row: current.row, verdict, node });
  made.push(number);
  sinceRanking += 1;
  replace(card);
  showProgress(progress);
  say(verdict === "reject" ? "Left where it is." : `Filed under ${card.decision.path.join(" › ")}.`);
  await advance();
};

const actions = {
  accept: async () => {
    if (current && current.suggested === null) say("The audit suggests no place: choose one, or reject.", true);
    else if (current) await decide("accept");
  },
  reject: async () => { if (current) await decide("reject"); },
  choose: async () => {
    if (!current) return;
    const taken = await pick("Where does it belong?", { row: current.row });
    if (taken) await decide("choose", taken.key);
  },
  next: async () => {
    if (!current) return;
    if (!current.decision) skipped.add(current.row);
    const place = placeOf(current.row);
    if (place + 1 >= rows.length && hasMore()) await load(listed());
    const next = rows[placeOf(current.row) + 1];
    if (next) await show(next.row);
    else say("This is the last finding.");
  },
  previous: async () => {
    const place = current ? placeOf(current.row) : rows.length;
    if (place > 0) await show(rows[place - 1].row);
    else say("This is the first finding.");
  },
  undo: async () => {
    const { card } = await post("/api/undo", made.length ? { number: made.at(-1) } : {});
    made.pop();  // not before the server has taken it back
    if (!card) return say("There is nothing to undo.");
    skipped.delete(card.row);
    await load();
    if (placeOf(card.row) < 0) rows.unshift(card);
    await show(card.row);
    say("Undone.");
  },
};

const keys = { a: "accept", r: "reject", c: "choose", n: "next", p: "previous", u: "undo" };
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.key === "?") by("help").showModal();
  else if (keys[event.key]) exclusively(actions[keys[event.key]]);
  else return;
  event.preventDefault();
});
document.querySelector(".actions").addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (button) exclusively(actions[button.dataset.act]);
});
by("help-button").addEventListener("click", () => by("help").showModal());
by("findings").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) exclusively(async () => { await show(Number(button.dataset.row)); by("card").focus(); });
});
by("more").addEventListener("click", () => exclusively(async () => { await load(listed()); drawList(); }));
by("export").addEventListener("click", () => exclusively(async () => {
  say("Writing…");
  const written = await post("/api/export");
  say(`${count(written.changed)} of ${plural(written.decided, "decided item")} moved in ${written.catalogue}; decisions in ${written.decisions}.`);
}));

const filtered = () => {
  if (!form.reportValidity()) return;
  const chosen = filters();
  const words = [chosen.kind, chosen.state === "open" ? "" : chosen.state,
    chosen.at_least > 0 || chosen.at_most < 1 ? `${percent(chosen.at_least)} to ${percent(chosen.at_most)}` : "",
    under ? under.path.at(-1) : ""];
  by("filter-text").textContent = words.filter(Boolean).join(" · ");
  by("under").replaceChildren(under ? under.path.join(" › ") : "all categories");
  by("under-clear").hidden = !under;
  skipped.clear();
  exclusively(restart);
};
form.addEventListener("change", filtered);
form.addEventListener("submit", (event) => event.preventDefault());
by("under").addEventListener("click", async () => { under = (await pick("Items filed at or beneath", {})) ?? under; filtered(); });
by("under-clear").addEventListener("click", () => { under = null; filtered(); });

// The list is beside the finding where there is room, and folded above it on a phone.
by("findings").append(element("li", "none", "…"));
exclusively(restart);
