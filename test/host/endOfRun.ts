import { test } from "node:test";
import { endOfRunName } from "./testEvents.ts";

test(endOfRunName, () => undefined);
