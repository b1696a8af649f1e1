import { fuzzParsers } from "#test/support/fuzz/parsers.ts";
import { AMT_TARGETS } from "./fuzz-amt-targets.ts";
import { ANNOUNCEMENT_TARGETS } from "./fuzz-announcement-targets.ts";
import { CONTROL_TARGETS } from "./fuzz-control-targets.ts";
import { FRAME_TARGETS } from "./fuzz-frame-targets.ts";
import { IP_TARGETS } from "./fuzz-ip-targets.ts";
import { MCASTTUNNEL_TARGETS } from "./fuzz-mcasttunnel-targets.ts";
import { SIXTUNNEL_TARGETS } from "./fuzz-sixtunnel-targets.ts";
import { MEET_TARGETS } from "./fuzz-meet-targets.ts";
import { ROUTER_TARGETS } from "./fuzz-router-targets.ts";

fuzzParsers([
  ...IP_TARGETS,
  ...FRAME_TARGETS,
  ...CONTROL_TARGETS,
  ...MEET_TARGETS,
  ...MCASTTUNNEL_TARGETS,
  ...SIXTUNNEL_TARGETS,
  ...ROUTER_TARGETS,
  ...AMT_TARGETS,
  ...ANNOUNCEMENT_TARGETS,
]);
