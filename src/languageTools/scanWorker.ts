import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../base/clock.ts";
import { scan, type ScanRequest } from "./scan.ts";

const request: ScanRequest = workerData;
parentPort?.postMessage(await scan(request, systemClock));
