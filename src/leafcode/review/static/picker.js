// Searching a category as one types; resolves to the category taken, or null.
import { element, path, plural } from "./draw.js";
import { get } from "./requests.js";

const dialog = document.getElementById("picker");
const query = document.getElementById("picker-query");
const list = document.getElementById("picker-list");
let found = [];
let at = 0;
let asked = 0;
let parameters = {};
let finish = () => {};

const point = (to) => {
  at = Math.max(0, Math.min(found.length - 1, to));
  [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === at)));
  const option = found.length ? list.children[at] : null;
  if (option) {
    query.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  } else {
    query.removeAttribute("aria-activedescendant");
  }
};

const search = async () => {
  const mine = ++asked;
  list.setAttribute("aria-busy", "true");
  let answer = [];
  let problem = "No category has these words.";
  try {
    answer = await get("/api/categories", { ...parameters, q: query.value });
  } catch (error) {
    problem = error.message;
  }
  if (mine !== asked) return;  // an answer to what was typed before
  found = answer;
  list.removeAttribute("aria-busy");
  list.replaceChildren(...found.map((category, i) => {
    const option = element("li", "", path(category.path), element("span", "items", plural(category.items, "item")));
    option.id = `category-${i}`;
    option.setAttribute("role", "option");
    return option;
  }));
  if (!found.length) list.append(element("li", "none", problem));
  point(0);
};

const take = (i) => {
  // What is shown may still answer an earlier text: only a finished search can be taken.
  if (found[i]) { const taken = found[i]; dialog.close(); finish(taken); }
};

query.addEventListener("input", () => { found = []; search(); });
query.addEventListener("keydown", (event) => {
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
  if (event.key in steps) point(at + steps[event.key]);
  else if (event.key === "Enter") take(at);
  else return;
  event.preventDefault();
});
list.addEventListener("click", (event) => {
  const option = event.target.closest("[role=option]");
  if (option) take([...list.children].indexOf(option));
});
dialog.addEventListener("close", () => finish(null));

export const pick = (heading, given) => new Promise((resolve) => {
  finish = (value) => { finish = () => {}; resolve(value); };
  parameters = given;
  document.getElementById("picker-heading").textContent = heading;
  query.value = "";
  found = [];
  list.replaceChildren();
  dialog.showModal();
  search();
});
