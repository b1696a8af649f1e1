// A lab that stays up until it is told to end, to look around in: node test/support/lab/example.ts
import { Lab } from "#test/support/lab.ts";

const lab = await Lab.create();
console.log(`namespace ${lab.host("home").namespace}`);
console.log(
  `Look around with: ip netns exec ${lab.host("away").namespace} bash   (Ctrl-C here ends the lab)`,
);
setInterval(() => undefined, 60_000);
