// electron-builder asks this before it looks for dependencies. All that the app uses at run time is in its bundles, so there
// are none to rebuild and none to pack.
export default function beforeBuild(): Promise<boolean> {
  return Promise.resolve(false);
}
