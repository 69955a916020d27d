import { project } from "../vitest.shared.ts"

export default project("workspace", { include: "*.test.ts", isolate: true })
