/**
 * The file `openenv.yaml` of a served world, by which OpenEnv's tools know an environment in a folder.
 * It starts nothing: OpenEnv runs an image, whose command is `dreamgym serve`.
 */

/** `name`: of the world; `port`: where the image listens. All values are plain YAML scalars. */
export const text = ({ name, port }: { readonly name: string; readonly port: number }): string =>
  [
    `# Start it with: dreamgym serve env ${name} --host 0.0.0.0 --port ${port}`,
    "# OpenEnv's tools need the keys runtime and app; no Python runs here.",
    "spec_version: 1",
    `name: dreamgym-${name}`,
    "type: space",
    "runtime: fastapi",
    "app: server.app:app",
    `port: ${port}`
  ].join("\n")
