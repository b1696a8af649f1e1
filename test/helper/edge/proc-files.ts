// What the kernel shows, as it shows it.

export const MEMBERSHIP_FILES = {
  igmp: [
    "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter",
    "1\tlo        :     1      V3",
    "\t\t\t\t010000E0     1 0:00000000\t\t0",
    "2\teth0      :     4      V3",
    "\t\t\t\t010201EF     3 0:00000000\t\t0",
    "\t\t\t\t030201E8     2 1:00000042\t\t1",
    "\t\t\t\t010000E0     1 0:00000000\t\t0",
    "",
  ].join("\n"),
  mcfilter: [
    "Idx Device        MCA        SRC    INC    EXC",
    "  2   eth0 0xe8010203 0xc6336409      2      0",
    "  2   eth0 0xef010201 0xc6336409      0      2",
    "  3   eth0 0xe8010203 0xc6336408      1      0",
    "",
  ].join("\n"),
  igmp6: [
    "1    lo              ff020000000000000000000000000001     1 0000000C 0",
    "2    eth0            ff1e0000000000000000000000001234     1 00000004 0",
    "",
  ].join("\n"),
  mcfilter6: [
    "Idx Device                Multicast Address                   Source Address    INC    EXC",
    "  2   eth0 ff1e0000000000000000000000001234 20010db8000000000000000000000009      1      0",
    "",
  ].join("\n"),
};

export const PROCESS_STATUS = [
  "Name:\tnode",
  "CapInh:\t0000000000003000",
  "CapPrm:\t0000000000003000",
  "CapEff:\t0000000000003000",
  "CapBnd:\t000001ffffffffff",
  "CapAmb:\t0000000000000000",
  "NoNewPrivs:\t1",
  "",
].join("\n");
