import { fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, test, vi } from "vitest";
import type { Check } from "#contract/snapshot.ts";
import { TOPICS } from "#runtime/doctor/topics.ts";
import DoctorScreen from "#renderer/screens/doctor/DoctorScreen.svelte";
import { topicWords } from "#renderer/screens/doctor/topic-words.ts";
import { fakeMember, fakeNetwork, fakeSnapshot, fakeState } from "#test/support/app/fake-state.ts";
import { type FakeApp, fakeApp, HOSTILE_NAMES, refusal } from "./fake-app.ts";

const CHECKS: Record<string, Check[]> = {
  service: [{ name: "service", status: "ok", message: "it has what it needs", remedy: null }],
  rp_filter: [
    {
      name: "rp_filter",
      status: "warn",
      message: "eth0 drops multicast",
      remedy: "sudo sysctl -w net.ipv4.conf.eth0.rp_filter=2",
    },
  ],
  firewall: [
    {
      name: "firewall",
      status: "fail",
      message: "UDP port 42268 is closed",
      remedy: "Open it, where it is set.",
    },
  ],
  ttl: [],
};

async function opened(changes: Parameters<typeof fakeApp>[0] = {}): Promise<FakeApp> {
  const app = await fakeApp(changes);
  app.shell.handlers["daemon:doctor.topics"] = () => ({
    topics: Object.keys(CHECKS).map((id) => ({ id, title: `the ${id}` })),
  });
  app.shell.handlers["daemon:doctor"] = ({ topic }) => ({ checks: CHECKS[String(topic)] });
  render(DoctorScreen, { model: app.model });
  return app;
}

const button = (name: string | RegExp) => screen.getByRole("button", { name });

describe("an examination", () => {
  test("asks for each topic by itself, and puts what is wrong first, in words", async () => {
    const app = await opened();
    expect(screen.getByText("Nothing was examined yet.")).toBeTruthy();
    await fireEvent.click(button("Examine"));
    expect(await screen.findByText("1 thing is wrong and 1 thing to look at")).toBeTruthy();
    expect(app.called("doctor")).toEqual(Object.keys(CHECKS).map((topic) => ({ topic })));
    const rows = screen.getAllByRole("listitem").map((row) => row.textContent);
    expect(rows[0]).toMatch(/The firewall.*Wrong.*UDP port 42268 is closed.*Open it/);
    expect(rows[1]).toMatch(/The reverse path filter.*Look at this.*eth0 drops multicast/);
    expect(rows[2]).toMatch(/The service.*Good/);
    expect(screen.getByText("Good: 1")).toBeTruthy();
  });

  test("a command is there to be copied", async () => {
    const copy = vi.fn(async () => {});
    Object.defineProperty(navigator, "clipboard", { value: { writeText: copy }, configurable: true });
    await opened();
    await fireEvent.click(button("Examine"));
    await fireEvent.click(await screen.findByRole("button", { name: /^Copy.*rp_filter/ }));
    expect(copy).toHaveBeenCalledWith("sudo sysctl -w net.ipv4.conf.eth0.rp_filter=2");
  });

  test("shows how far it is while it runs", async () => {
    const app = await opened();
    const answers: (() => void)[] = [];
    app.shell.handlers["daemon:doctor"] = ({ topic }) =>
      new Promise((resolve) => {
        answers.push(() => resolve({ checks: CHECKS[String(topic)] }));
      });
    await fireEvent.click(button("Examine"));
    const progress = await screen.findByRole<HTMLProgressElement>("progressbar");
    expect([progress.value, progress.max]).toEqual([0, 4]);
    expect(screen.getByText(/Looking at .*The service/)).toBeTruthy();
    await fireEvent.click(button("Examine")); // nothing is begun twice
    expect(app.called("doctor.topics")).toHaveLength(1);
    answers.shift()!();
    await waitFor(() => expect(progress.value).toBe(1));
    while (answers.length > 0) {
      answers.shift()!();
      await Promise.resolve();
      await new Promise<void>((resolve) => queueMicrotask(resolve));
    }
    await waitFor(() => {
      answers.splice(0).forEach((answer) => answer());
      expect(screen.queryByRole("progressbar") === null).toBe(true);
    });
  });

  test("a topic that cannot be looked at does not cost the others", async () => {
    const app = await opened();
    app.shell.handlers["daemon:doctor"] = ({ topic }) => {
      if (topic === "firewall") throw refusal("timeout", "no answer within the time limit");
      return { checks: CHECKS[String(topic)] };
    };
    await fireEvent.click(button("Examine"));
    expect(await screen.findByText("2 things to look at")).toBeTruthy();
    expect(screen.getByText("Could not be seen")).toBeTruthy();
    expect(screen.getByText(/no answer within the time limit/)).toBeTruthy();
  });

  test("the daemon goes in the middle: it ends, and says which topics are not known", async () => {
    const app = await opened();
    app.shell.handlers["daemon:doctor"] = () => new Promise(() => {});
    await fireEvent.click(button("Examine"));
    await screen.findByRole("progressbar");
    app.lose();
    await waitFor(() => expect(screen.queryByRole("progressbar") === null).toBe(true));
    expect(screen.getAllByText("Could not be seen")).toHaveLength(4);
    expect(screen.getByText("4 things to look at")).toBeTruthy();
  });

  test("that cannot begin says why", async () => {
    const app = await opened();
    app.shell.handlers["daemon:doctor.topics"] = () => {
      throw refusal("not-running", "the castaway daemon is not running", "sudo systemctl start castaway");
    };
    await fireEvent.click(button("Examine"));
    expect(await screen.findByText("the castaway daemon is not running")).toBeTruthy();
    expect(button("Examine").getAttribute("aria-busy")).toBeNull();
  });

  test("what was found is still there when somebody comes back", async () => {
    const app = await opened();
    await fireEvent.click(button("Examine"));
    await screen.findByText("1 thing is wrong and 1 thing to look at");
    document.body.replaceChildren();
    render(DoctorScreen, { model: app.model });
    expect(screen.getByText("1 thing is wrong and 1 thing to look at")).toBeTruthy();
    expect(button("Examine again")).toBeTruthy();
  });

  test("each topic of this daemon has words of its own", () => {
    const words = TOPICS.map(topicWords);
    expect(new Set(words).size).toBe(TOPICS.length);
    for (const [i, topic] of TOPICS.entries()) expect(words[i]).not.toBe(topic.title);
    expect(topicWords({ id: "toString", title: "a newer\u202E one" })).toBe("a newer one");
  });
});

describe("what the daemon can mend", () => {
  const FIX = { id: "rp-filter:eth0", label: "Let eth0 take packets of senders elsewhere." };
  const strict = [{ ...CHECKS["rp_filter"]![0]!, fix: FIX }];

  async function examined(changes: Parameters<typeof fakeApp>[0] = {}) {
    const app = await opened(changes);
    let fixed = false;
    app.shell.handlers["daemon:doctor"] = ({ topic }) => ({
      checks: topic === "rp_filter" ? (fixed ? [] : strict) : CHECKS[String(topic)],
    });
    app.shell.handlers["daemon:doctor.fix"] = () => {
      fixed = true;
      return { label: FIX.label, undo: "sudo sysctl -w net.ipv4.conf.eth0.rp_filter=1" };
    };
    await fireEvent.click(button("Examine"));
    await screen.findByText("1 thing is wrong and 1 thing to look at");
    return app;
  }

  test("has a button that says what it does; then it is looked at again, and how to take it back is said", async () => {
    const app = await examined();
    expect(screen.getAllByRole("button", { name: /^Fix it/ })).toHaveLength(1);
    await fireEvent.click(button(`Fix it: ${FIX.label}`));
    await screen.findByText("1 thing is wrong");
    expect(app.called("doctor.fix")).toEqual([{ fix: "rp-filter:eth0" }]);
    expect(app.called("doctor").filter((asked) => JSON.stringify(asked).includes("rp_filter"))).toHaveLength(
      2,
    );
    expect(screen.getByText("sudo sysctl -w net.ipv4.conf.eth0.rp_filter=1")).toBeTruthy();
  });

  test("and could not: the finding stays, with the reason", async () => {
    const app = await examined();
    app.shell.handlers["daemon:doctor.fix"] = () => {
      throw refusal("conflict", "the kernel does not let it be written");
    };
    await fireEvent.click(button(/^Fix it/));
    expect(await screen.findByText("the kernel does not let it be written")).toBeTruthy();
    expect(screen.getByText("1 thing is wrong and 1 thing to look at")).toBeTruthy();
  });

  test("is not for those who may only look", async () => {
    const { service } = fakeState();
    await examined({ service: { ...service, access: "read" } });
    expect(button(/^Fix it/)).toHaveProperty("disabled", true);
  });
});

describe("calling a member", () => {
  test("five times, one after the other; what is lost counts", async () => {
    const app = await opened();
    const times = [20, 30, null, 25, 25];
    app.shell.handlers["daemon:ping"] = () => ({ rttMs: times.shift() ?? null, by: "session" });
    await fireEvent.click(button("Call"));
    expect(await screen.findByText("4 of 5 calls were answered, in 25 ms on average.")).toBeTruthy();
    expect(screen.getByText("Each call: 20 ms, 30 ms, none, 25 ms, and 25 ms")).toBeTruthy();
    const call = { network: "n1", member: 0, timeoutMs: 2000 };
    expect(app.called("ping")).toEqual([call, call, call, call, call]);
  });

  test("who does not answer at all", async () => {
    const app = await opened();
    app.shell.handlers["daemon:ping"] = () => ({ rttMs: null, by: "session" });
    await fireEvent.click(button("Call"));
    expect(await screen.findByText("No answer to 5 calls.")).toBeTruthy();
  });

  test("that the daemon refuses says why", async () => {
    const app = await opened();
    app.shell.handlers["daemon:ping"] = () => {
      throw refusal("unreachable", "there is no session with living-room");
    };
    await fireEvent.click(button("Call"));
    expect(await screen.findByText("there is no session with living-room")).toBeTruthy();
  });

  test("needs somebody to call", async () => {
    await opened({ snapshot: fakeSnapshot({ networks: [] }) });
    expect(screen.getByText(/no other member to call/)).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Call" }) === null).toBe(true);
  });

  test.each(HOSTILE_NAMES)("called %j is offered as text", async (name) => {
    await opened({
      snapshot: fakeSnapshot({ networks: [fakeNetwork({ members: [fakeMember(0, { name })] })] }),
    });
    const option = within(screen.getByLabelText("Member")).getByRole("option");
    expect(option.textContent).toContain(name.replaceAll("\u202E", ""));
    expect(option.querySelector("*")).toBeNull();
  });
});

describe("the problem report", () => {
  const REPORT = { fileName: "castaway-report.txt", text: "ok service\n<script>alert(1)</script>\u202E" };

  test("is there to be read before anything is done with it", async () => {
    const app = await opened();
    app.shell.handlers["report.make"] = () => REPORT;
    expect(screen.queryByRole("button", { name: "Save it" }) === null).toBe(true);
    await fireEvent.click(button("Make the report"));
    const region = await screen.findByRole("region", { name: "The report" });
    expect(region.textContent).toBe("ok service\n<script>alert(1)</script>");
    expect(region.getAttribute("tabindex")).toBe("0"); // it scrolls
    expect(app.shell.calls.map(({ call }) => call)).not.toContain("report.save");
  });

  test("is saved by the system's dialog where there is one, and closing that is no error", async () => {
    const { shell } = fakeState();
    const app = await opened({ shell: { ...shell, can: { ...shell.can, save: true } } });
    app.shell.handlers["report.make"] = () => REPORT;
    app.shell.handlers["report.save"] = () => ({ path: null });
    await fireEvent.click(button("Make the report"));
    await fireEvent.click(await screen.findByRole("button", { name: "Save it" }));
    expect(screen.queryByText(/Saved as/) === null).toBe(true);
    app.shell.handlers["report.save"] = () => ({ path: "/home/anna/castaway-report.txt" });
    await waitFor(() => expect(button("Save it").getAttribute("aria-busy")).toBeNull());
    await fireEvent.click(button("Save it"));
    expect(await screen.findByText(/Saved as .*castaway-report\.txt/)).toBeTruthy();
  });

  test("is downloaded elsewhere, as it was read", async () => {
    const app = await opened();
    app.shell.handlers["report.make"] = () => REPORT;
    let saved: Blob | undefined;
    const names: string[] = [];
    URL.createObjectURL = (blob) => {
      saved = blob as Blob;
      return "blob:report";
    };
    URL.revokeObjectURL = () => {};
    const click = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (
      this: HTMLAnchorElement,
    ) {
      names.push(this.download);
    });
    await fireEvent.click(button("Make the report"));
    await fireEvent.click(await screen.findByRole("button", { name: "Save it" }));
    expect(names).toEqual(["castaway-report.txt"]);
    expect(saved!.size).toBe(new TextEncoder().encode(REPORT.text).length);
    click.mockRestore();
  });

  test("that cannot be made says why; without a service it can still be tried", async () => {
    const app = await opened({ snapshot: null });
    expect(button("Examine")).toHaveProperty("disabled", true);
    app.shell.handlers["report.make"] = () => {
      throw refusal("timeout", "the daemon does not answer");
    };
    await fireEvent.click(button("Make the report"));
    expect(await screen.findByText("the daemon does not answer")).toBeTruthy();
  });
});
