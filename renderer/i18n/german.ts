import common from "./de/common.json";
import home from "./de/home.json";
import streams from "./de/streams.json";
import invite from "./de/invite.json";
import internet from "./de/internet.json";
import join from "./de/join.json";
import sharing from "./de/sharing.json";
import doctor from "./de/doctor.json";
import settings from "./de/settings.json";
import welcome from "./de/welcome.json";

export const words = { common, home, streams, invite, internet, join, sharing, doctor, settings, welcome };
