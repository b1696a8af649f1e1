import { groupPortText } from "../socket-choice.ts";
import { fail, ok, type Topic } from "./topic.ts";

export const socketVifs: Topic = {
  id: "socket-vifs",
  title: "groups that plain sockets carry",
  examine: ({ engine: { sockets } }) =>
    [...sockets.values()].map(({ name, groups, problem }) => {
      const carried = groups.map(groupPortText).join(", ");
      if (problem === undefined) return ok(name, `${carried} by plain sockets.`);
      return fail(
        name,
        `${carried}: ${problem}`,
        "Name an interface that is up: --socket-vif GROUP:PORT%INTERFACE",
      );
    }),
};
