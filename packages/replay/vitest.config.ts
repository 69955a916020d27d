import { project } from "../../vitest.shared.ts"

export default project("replay", { isolate: true })
