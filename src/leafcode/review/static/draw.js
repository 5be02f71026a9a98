// A finding as elements of the page; every text goes in as text, never as HTML.
export const element = (tag, name, ...children) => {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
};

export const count = (n) => n.toLocaleString("en");
export const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
export const percent = (share) => (share > 0.995 && share < 1 ? ">99%" : share < 0.005 && share > 0 ? "<1%" : `${Math.round(100 * share)}%`);

const SIGNS = { accept: "✓", choose: "✓", reject: "✕" };
const WORDS = { accept: "accepted", choose: "filed elsewhere", reject: "label is right" };

const textOf = (finding) => finding.text ?? "(no text)";

export const path = (names) => {
  const made = element("span", "path");
  if (names.length > 1) made.append(element("span", "up", `${names.slice(0, -1).join(" › ")} › `));
  made.append(element("b", "", names.at(-1)));
  return made;
};

export const listRow = (finding, current) => {
  const mark = element("span", `mark-of ${finding.decision ? (finding.decision.wrong ? "yes" : "no") : ""}`,
    finding.decision ? SIGNS[finding.decision.verdict] : percent(finding.after_decisions));
  if (finding.decision) mark.setAttribute("aria-label", WORDS[finding.decision.verdict]);
  const button = element("button", "", mark,
    element("span", "text", textOf(finding)), element("span", "where", `${finding.kind} · ${finding.given.at(-1)}`));
  button.type = "button";
  button.dataset.row = finding.row;
  if (current) button.setAttribute("aria-current", "true");
  return element("li", "", button);
};

const branch = (line) => {
  const made = element("li", line.role);
  made.style.setProperty("--depth", line.depth - 1);
  if (line.role === "more") {
    made.append(element("span", "name", `… ${count(line.hidden)} more`));
    return made;
  }
  made.append(element("span", "name", line.name), element("span", "items", plural(line.items, "item")));
  if (line.role === "given") made.append(element("span", "tag", "filed here"));
  if (line.role === "suggested") made.append(element("span", "tag", "suggested"));
  made.prepend(element("span", "hidden", `level ${line.depth}: `));
  return made;
};

const similar = (other) => {
  const share = other.similarity === null ? 0 : Math.max(0, Math.min(1, other.similarity));
  const bar = element("span", "bar");
  bar.setAttribute("aria-hidden", "true");
  bar.append(element("i"));
  bar.firstChild.style.setProperty("width", `${100 * share}%`);
  return element("li", other.at,
    element("span", "text", other.text ?? other.id),
    element("span", "by", bar, element("span", "cosine", other.similarity === null ? "–" : other.similarity.toFixed(2))),
    element("span", "where", path(other.path)));
};

export const showCard = (card) => {
  const set = (id, ...children) => document.getElementById(id).replaceChildren(...children);
  set("kind", card.kind === "none" ? "no doubt" : card.kind);
  set("probability", `${percent(card.probability)} likely filed wrongly`,
    Math.abs(card.after_decisions - card.probability) >= 0.01 ? `, ${percent(card.after_decisions)} after the decisions so far` : "");
  set("item-text", textOf(card));
  set("item-id", `id ${card.id} · row ${count(card.item + 1)} of the catalogue`);
  const verdict = document.getElementById("verdict");
  verdict.hidden = !card.decision;
  verdict.className = `verdict-line ${card.decision?.wrong ? "yes" : "no"}`;
  if (card.decision) {
    const when = new Date(card.decision.decided_at).toLocaleString();
    verdict.replaceChildren(`${SIGNS[card.decision.verdict]} ${WORDS[card.decision.verdict]}`,
      ...(card.decision.wrong ? [": ", path(card.decision.path)] : []), ` (${card.decision.reviewer}, ${when})`);
  }
  set("branches", ...card.tree.map(branch));
  set("evidence", ...(card.evidence.length ? card.evidence.map(similar) : [element("li", "none", "none")]));
};

export const showNothing = (text) => {
  for (const id of ["kind", "probability", "item-id", "branches", "evidence"]) document.getElementById(id).replaceChildren();
  document.getElementById("verdict").hidden = true;
  document.getElementById("item-text").textContent = text;
};

export const showProgress = (progress) => {
  const figures = {
    decided: count(progress.decided),
    accepted: count(progress.accepted),
    precision: progress.precision === null ? "–" : percent(progress.precision),
  };
  for (const [name, text] of Object.entries(figures)) document.querySelector(`[data-figure="${name}"]`).textContent = text;
};
