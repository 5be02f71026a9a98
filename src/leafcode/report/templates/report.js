"use strict";
(async () => {
  const holder = document.getElementById("tree-data");
  if (!holder) return;
  if (!("DecompressionStream" in window)) {
    document.getElementById("too-old").hidden = false;
    return;
  }
  document.documentElement.classList.add("js");
  const packed = Uint8Array.from(atob(holder.textContent), (letter) => letter.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const { categories, items, levels } = await new Response(unpacked).json();
  const total = items.text.length;
  const FIRST = 20;      // groups shown before the button is pressed
  const FEW = 8;         // items with the same full code that are listed without a heading
  const OPEN_HITS = 40;  // a search with no more hits than this opens what it finds

  // Prefixes and items stand in display order, so that running sums say where each one's begin.
  const sums = (counts) => {
    const ends = new Int32Array(counts.length + 1);
    counts.forEach((n, i) => { ends[i + 1] = ends[i] + n; });
    return ends;
  };
  for (const level of levels) {
    level.items = sums(level.listed);
    if (level.children) level.below = sums(level.children);
  }
  const last = levels.length - 1;
  const nodeOf = levels.map((level) => {
    const node = new Int32Array(total);
    for (let i = 0; i < level.listed.length; i++) node.fill(i, level.items[i], level.items[i + 1]);
    return node;
  });
  const pathOf = (node) => {
    const names = [];
    for (; node >= 0; node = categories[node][0]) names.unshift(categories[node][1]);
    return names.join(" › ");
  };
  const paths = categories.map((_, node) => pathOf(node));
  const codesOf = (item) => levels.map((level, l) => level.code[nodeOf[l][item]]);

  // Search: `before[i]` counts the hits among the items before i; null where nothing is searched.
  let before = null;
  let words = [];
  let texts = null;
  const hits = (from, to) => (before ? before[to] - before[from] : to - from);
  const isHit = (item) => hits(item, item + 1) > 0;
  const search = (query) => {
    const code = /^\d+(_\d+)*_?$/.test(query) ? query.replace(/_$/, "") + "_" : null;
    words = code && query.includes("_") ? [] : query.toLowerCase().split(/\s+/).filter(Boolean);
    if (!code && !words.length) { before = null; return; }
    texts ??= items.text.map((text, i) =>
      [text, paths[items.category[i]] ?? "", items.id ? items.id[i] : ""].join("\n").toLowerCase());
    before = new Int32Array(total + 1);
    for (let i = 0; i < total; i++) {
      const byText = words.length > 0 && words.every((word) => texts[i].includes(word));
      const byCode = code !== null && (codesOf(i).concat(items.suffix[i]).join("_") + "_").startsWith(code);
      before[i + 1] = before[i] + (byText || byCode ? 1 : 0);
    }
  };

  const count = (n) => n.toLocaleString("en");
  const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
  const element = (tag, name, text) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const highlighted = (name, text) => {
    const made = element("span", name);
    const lower = text.toLowerCase();
    // Where lower case has another length, positions would not fit: leave the text as it is.
    const use = lower.length === text.length ? words : [];
    let at = 0;
    while (at < text.length) {
      let next = text.length, length = 0;
      for (const word of use) {
        const found = lower.indexOf(word, at);
        if (found >= 0 && (found < next || (found === next && word.length > length))) { next = found; length = word.length; }
      }
      made.append(text.slice(at, next));
      if (length) made.append(element("mark", "", text.slice(next, next + length)));
      at = next + Math.max(length, length ? 0 : text.length);
    }
    return made;
  };
  const idOf = (codes, shared) => {
    const made = element("span", "id");
    codes.forEach((code, i) => made.append(element("span", i < shared ? "same" : "", String(code))));
    return made;
  };

  const drawItem = (item) => {
    const row = element("div", "item");
    const suffix = items.suffix[item];
    const body = element("span", "text");
    body.append(highlighted("", items.text[item] || "(no text)"));
    const path = paths[items.category[item]];
    body.append(" ", path ? highlighted("where", path) : element("span", "where none", "no category"));
    if (items.id) body.append(" ", highlighted("where sku", items.id[item]));
    row.append(idOf(codesOf(item).concat(suffix), 0), body);
    return row;
  };
  const drawPrefix = (l, node) => {
    const level = levels[l];
    const details = element("details", "sub");
    const summary = element("summary");
    summary.append(idOf(codesOf(level.items[node]).slice(0, l + 1), l));
    if (level.category && level.category[node] >= 0) {
      const name = element("span", "", paths[level.category[node]]);
      name.append(" ", element("span", "share", `${level.share[node]}%`));
      summary.append(name);
    } else if (l === last) {
      summary.append(element("span", "where", items.text[level.items[node]]));
    }
    const found = hits(level.items[node], level.items[node + 1]);
    const size = plural(level.count[node], "item");
    summary.append(element("span", "tally", before ? `${count(found)} of ${size}` : size));
    const inside = element("div", "inside");
    details.append(summary, inside);
    details.addEventListener("toggle", () => { if (details.open) fill(inside, l, node); });
    return details;
  };
  const fill = (inside, l, node, among = false) => {
    if (inside.childElementCount && !among) return;
    const level = levels[l];
    const start = level.items[node], stop = level.items[node + 1];
    if (l === last || level.count[node] === 1) {
      for (let i = start; i < stop; i++) if (isHit(i)) inside.append(drawItem(i));
    } else {
      const next = levels[l + 1];
      for (let child = level.below[node]; child < level.below[node + 1]; child++) {
        if (hits(next.items[child], next.items[child + 1]) === 0) continue;
        // A handful of items with the same full code needs no level of its own.
        if (next.count[child] === 1 || (l + 1 === last && next.count[child] <= FEW)) fill(inside, l + 1, child, true);
        else inside.append(drawPrefix(l + 1, child));
      }
    }
    const left = level.count[node] - level.listed[node];
    if (left > 0) {
      const codes = l < last ? level.groups[node] - level.children[node] : 0;
      const under = codes > 0 ? `, with ${plural(codes, "more code")} of level ${l + 2}` : "";
      inside.append(element("p", "rest", `${plural(left, "more item")} not listed here${under}`));
    }
  };
  const openAll = (details) => {
    details.open = true;
    const inside = details.querySelector(":scope > .inside");
    const node = details.dataset.node;
    if (node !== undefined) fill(inside, 0, Number(node));
    // A detached or just opened element has not fired its event yet.
    for (const sub of inside.querySelectorAll(":scope > details")) {
      sub.open = true;
      sub.dispatchEvent(new Event("toggle"));
      openAll(sub);
    }
  };

  const list = document.getElementById("groups");
  const groups = [...list.children];
  const found = document.getElementById("found");
  const overview = found.textContent;
  const more = document.getElementById("more");
  for (const group of groups) {
    group.addEventListener("toggle", () => {
      if (group.open) fill(group.querySelector(".inside"), 0, Number(group.dataset.node));
    });
  }
  let all = groups.length <= FIRST;
  const shorten = () => {
    list.classList.toggle("short", !all && !before);
    more.hidden = all || before !== null;
  };
  more.addEventListener("click", () => { all = true; shorten(); });
  shorten();

  document.getElementById("order").addEventListener("change", (event) => {
    const key = event.target.value;
    const sign = key === "items" ? -1 : 1;
    groups.sort((a, b) => sign * (a.dataset[key] - b.dataset[key]) || a.dataset.node - b.dataset.node);
    list.append(...groups);
  });

  const input = document.getElementById("query");
  const update = () => {
    search(input.value.trim());
    let shown = 0;
    for (const group of groups) {
      const node = Number(group.dataset.node);
      const inGroup = hits(levels[0].items[node], levels[0].items[node + 1]);
      group.hidden = before !== null && inGroup === 0;
      group.open = false;
      group.querySelector(".inside").replaceChildren();
      group.querySelector(".hits").textContent = before && inGroup ? `${count(inGroup)} found in` : "";
      if (!group.hidden) shown++;
    }
    const number = before ? before[total] : 0;
    found.textContent = before ? `${plural(number, "item")} found in ${plural(shown, "group")}` : overview;
    if (before && number <= OPEN_HITS) groups.filter((group) => !group.hidden).forEach(openAll);
    shorten();
  };
  let waiting = 0;
  input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(update, 120); });
})();
