import { answers } from "./faults/answers.ts";
import { interrupted } from "./faults/interrupted.ts";
import { limits } from "./faults/limits.ts";
import { listeners } from "./faults/listeners.ts";
import { outages } from "./faults/outages.ts";
import { unansweredRows } from "./faults/unanswered.ts";
import { waysOut } from "./faults/ways_out.ts";
import { testRows } from "./support/rows.ts";

// Each row runs a program of its own before a receiver, and asks what arrived, span by span and log by log, how the
// program ended, what it said and how long it took.
testRows("the ways out of a process", waysOut, listeners, interrupted, limits, unansweredRows);
testRows("the faults of a collector", outages, answers);
