import type { FromPage, ReportView, RequestView, ToPage } from "../messages.ts";

declare const acquireVsCodeApi: () => { postMessage(message: FromPage): void };

const page = acquireVsCodeApi();
const root = document.getElementById("report")!;

/** Makes an element; text always goes in as text, never as markup. */
const element = (tag: string, className: string, ...content: (string | Node)[]): HTMLElement => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
};

/** Sets what only assistive technology reads. */
const withAttributes = (made: HTMLElement, attributes: Readonly<Record<string, string>>): HTMLElement => {
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
};

const headCell = (column: string): HTMLElement => withAttributes(element("th", "", column), { scope: "col" });

const table = (label: string, columns: readonly string[], rows: readonly Node[]): HTMLElement =>
  withAttributes(
    element(
      "table",
      "",
      element("thead", "", element("tr", "", ...columns.map(headCell))),
      element("tbody", "", ...rows),
    ),
    { "aria-label": label },
  );

const cellRow = (cells: readonly string[]): HTMLElement =>
  element("tr", "", ...cells.map((cell) => element("td", "", cell)));

const partClass = (name: string): string => `part part-${name.replaceAll(" ", "-")}`;

const requestRow = (request: RequestView): HTMLElement => {
  const lanes = Math.max(1, ...request.parts.map((part) => part.lane + 1));
  const flame = withAttributes(element("div", "flame"), { role: "img", "aria-label": request.timing });
  flame.style.height = `${lanes * 9}px`;
  for (const part of request.parts) {
    const bar = element("span", partClass(part.name));
    bar.style.left = `${part.start * 100}%`;
    bar.style.width = `max(2px, ${part.width * 100}%)`;
    bar.style.top = `${part.lane * 9}px`;
    bar.title = part.title;
    flame.append(bar);
  }
  const row = cellRow(request.cells);
  row.className = request.outcome;
  row.append(element("td", "timing", flame));
  return row;
};

/** Facts in one line above a table, or what to say instead. */
const factsAndTable = ({ heading, facts, columns, rows, empty }: ReportView["tools"]): HTMLElement[] =>
  rows.length > 0
    ? [element("p", "quiet", facts.join(" · ")), table(heading, columns, rows.map(cellRow))]
    : [element("p", "quiet", empty)];

/** One for all drawings, so that a click or the focus is not lost with the one before. */
const machineButton = element("button", "");
machineButton.addEventListener("click", () => {
  const { asks } = machineButton.dataset;
  if (asks === "machine" || asks === "copyMachine") page.postMessage({ type: asks });
});

const machineSection = ({ heading, button, sentences, tables }: ReportView["machine"]): HTMLElement[] => {
  const title = element("h2", "", heading);
  title.id = "machine";
  const parts = [
    title,
    ...sentences.map((sentence) => element("p", "quiet", sentence)),
    ...tables.map(({ head, rows }) => table(heading, head, rows.map(cellRow))),
  ];
  if (button) {
    machineButton.textContent = button.label;
    machineButton.dataset["asks"] = button.asks;
    parts.push(machineButton);
  }
  return parts;
};

const draw = (view: ReportView): void => {
  const { suggestions, memory, connections, tools, requests, machine } = view;
  const hadFocus = document.activeElement === machineButton;
  root.replaceChildren(
    element("h1", "", view.title),
    element("p", "quiet", view.subtitle),
    element(
      "div",
      "cards",
      ...view.cards.map(({ label, value, detail }) =>
        element(
          "div",
          "card",
          element("div", "label", label),
          element("div", "value", value),
          element("div", "quiet", detail),
        ),
      ),
    ),
    element("h2", "", suggestions.heading),
    suggestions.rows.length > 0
      ? table(suggestions.heading, suggestions.columns, suggestions.rows.map(cellRow))
      : element("p", "quiet", suggestions.empty),
    element("h2", "", memory.heading),
    element("p", "quiet", memory.facts.join(" · ")),
    memory.rows.length > 0
      ? table(memory.heading, memory.columns, memory.rows.map(cellRow))
      : element("p", "quiet", memory.empty),
    element("h2", "", connections.heading),
    ...factsAndTable(connections),
    element("h2", "", tools.heading),
    ...factsAndTable(tools),
    element("h2", "", requests.heading),
    ...(requests.rows.length > 0
      ? [
          element(
            "p",
            "legend quiet",
            ...requests.legend.map(({ name, label }) => element("span", "", element("i", partClass(name)), label)),
          ),
          table(requests.heading, requests.columns, requests.rows.map(requestRow)),
        ]
      : [element("p", "quiet", requests.empty)]),
    ...machineSection(machine),
    element("p", "quiet privacy", view.privacy),
  );
  if (hadFocus) machineButton.focus({ preventScroll: true });
};

window.addEventListener("message", ({ data }: MessageEvent<ToPage>) => {
  if (data.type !== "report") return;
  draw(data.view);
  if (data.reveal) document.getElementById(data.reveal)?.scrollIntoView();
});
page.postMessage({ type: "ready" });
