/** One bar of a request's flame graph; shares are of the longest request shown that has ended. */
export type TimingPart = {
  readonly name: string;
  /** Position and width, 0..1. */
  readonly start: number;
  readonly width: number;
  /** Row, from 0: parts that overlap stand below each other. */
  readonly lane: number;
  /** What hovering tells. */
  readonly title: string;
};

export type RequestView = {
  readonly cells: readonly string[];
  readonly outcome: "running" | "ok" | "cancelled" | "failed";
  readonly parts: readonly TimingPart[];
  /** The same in words, for who does not see the bars. */
  readonly timing: string;
};

/** The report as the page draws it: every text ready to show, so that the page needs no language of its own. */
export type ReportView = {
  readonly title: string;
  readonly subtitle: string;
  readonly cards: readonly { readonly label: string; readonly value: string; readonly detail: string }[];
  readonly suggestions: {
    readonly heading: string;
    readonly columns: readonly string[];
    readonly rows: readonly (readonly string[])[];
    readonly empty: string;
  };
  readonly memory: {
    readonly heading: string;
    /** Short facts in plain words, one after the other. */
    readonly facts: readonly string[];
    readonly columns: readonly string[];
    readonly rows: readonly (readonly string[])[];
    readonly empty: string;
  };
  readonly connections: {
    readonly heading: string;
    /** Short facts in plain words, one after the other. */
    readonly facts: readonly string[];
    readonly columns: readonly string[];
    readonly rows: readonly (readonly string[])[];
    readonly empty: string;
  };
  readonly tools: {
    readonly heading: string;
    /** Short facts in plain words, one after the other. */
    readonly facts: readonly string[];
    readonly columns: readonly string[];
    readonly rows: readonly (readonly string[])[];
    readonly empty: string;
  };
  readonly requests: {
    readonly heading: string;
    readonly columns: readonly string[];
    readonly rows: readonly RequestView[];
    readonly legend: readonly { readonly name: string; readonly label: string }[];
    readonly empty: string;
  };
  readonly machine: MachineSection;
  readonly privacy: string;
};

export type TableView = { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };

/** Advice for this machine. It costs a look at its hardware and its servers, so it comes when somebody asks. */
export type MachineSection = {
  readonly heading: string;
  /** What can be clicked: to look, or to copy the tables; undefined while looking. */
  readonly button: { readonly label: string; readonly asks: "machine" | "copyMachine" } | undefined;
  readonly sentences: readonly string[];
  readonly tables: readonly TableView[];
};

/** From the extension to the page. */
export type ToPage = {
  readonly type: "report";
  readonly view: ReportView;
  /** Somebody asked for this section from outside: it is to be scrolled to. */
  readonly reveal?: "machine";
};

/** From the page to the extension. */
export type FromPage = { readonly type: "ready" | "machine" | "copyMachine" };
