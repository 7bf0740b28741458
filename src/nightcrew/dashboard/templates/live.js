// Brings the overview up to date every ten seconds, but never under the hands of somebody who reads or types.
const EVERY_MS = 10000;
const SOON_MS = 1500; // while the page waits for the ledger

async function update() {
  const main = document.getElementById("main");
  if (document.hidden || main.contains(document.activeElement) || String(getSelection())) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (answer === null || !answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const open = [...main.querySelectorAll("details")].map((part) => part.open);
  main.replaceChildren(...page.getElementById("main").childNodes);
  main.querySelectorAll("details").forEach((part, place) => { if (place in open) part.open = open[place]; });
  document.getElementById("clock").textContent = page.getElementById("clock").textContent;
}

async function keep() {
  await update();
  setTimeout(keep, document.querySelector("[data-soon]") ? SOON_MS : EVERY_MS);
}

setTimeout(keep, document.querySelector("[data-soon]") ? SOON_MS : EVERY_MS);
