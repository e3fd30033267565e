/** Positions are handed out in units of this many tokens. */
export const unitTokens = 16;
/** The most units that are handed out in one stretch. */
export const largestUnits = 64;

/** Hands out stretches of neighbouring units from a fixed number of them, and takes them back. */
export type UnitPool = {
  /** The first of `units` neighbours (1 to {@link largestUnits}), never 0; undefined: there is no such stretch. */
  take(units: number): number | undefined;
  give(firstUnit: number, units: number): void;
  /** Units handed out now; and the highest ever handed out, plus one: memory below it has been touched. */
  used(): number;
  touched(): number;
};

export const createUnitPool = (capacityUnits: number): UnitPool => {
  const free: number[][] = Array.from({ length: largestUnits + 1 }, () => []);
  let freshUnit = 1;
  let used = 0;
  let givenSinceJoin = 0;

  const takeFreed = (units: number): number | undefined => {
    for (let size = units; size <= largestUnits; size++) {
      const start = free[size]!.pop();
      if (start === undefined) continue;
      if (size > units) free[size - units]!.push(start + units);
      return start;
    }
    return undefined;
  };

  /** Joins free neighbours, so that much room in small pieces is room again. */
  const joinFreed = (): void => {
    givenSinceJoin = 0;
    const isFree = new Uint8Array(freshUnit);
    for (const [units, starts] of free.entries()) {
      for (const start of starts) isFree.fill(1, start, start + units);
      starts.length = 0;
    }
    for (let start = 1; start < freshUnit; start++) {
      let units = 0;
      while (units < largestUnits && isFree[start + units] === 1) units++;
      if (units === 0) continue;
      free[units]!.push(start);
      start += units - 1;
    }
  };

  const find = (units: number): number | undefined => {
    const freed = takeFreed(units);
    if (freed !== undefined) return freed;
    // Joining looks at every unit, so it must have become worth it: while a fifth is free, but in pieces too small.
    if ((freshUnit - used) * 5 > freshUnit && givenSinceJoin * 8 > freshUnit) {
      joinFreed();
      const joined = takeFreed(units);
      if (joined !== undefined) return joined;
    }
    if (freshUnit + units <= capacityUnits) {
      freshUnit += units;
      return freshUnit - units;
    }
    // At the limit, somebody forgets text until there is room: joining after every bit of it would take far longer.
    if (givenSinceJoin * 64 < freshUnit) return undefined;
    joinFreed();
    return takeFreed(units);
  };

  return {
    take(units) {
      const start = find(units);
      if (start !== undefined) used += units;
      return start;
    },
    give(firstUnit, units) {
      free[units]!.push(firstUnit);
      givenSinceJoin += units;
      used -= units;
    },
    used: () => used,
    touched: () => freshUnit,
  };
};
