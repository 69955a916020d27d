/**
 * What is known of execution providers: which exist where, what executed a graph, what adds one.
 * Facts and verdicts only; that one really runs is found out by `SessionPool.provider`.
 * Source: the files and the install script of onnxruntime-node 1.30.0.
 */

type Named<A> = { readonly [name: string]: A }

/** The execution providers that can be asked for, in the order in which `auto` tries them. */
export const names = ["cuda", "coreml", "dml", "webgpu", "cpu"] as const

/** Where kernels run. */
export type Provider = (typeof names)[number]

/** A provider, or the first one that works. */
export type Choice = Provider | "auto"

/** The runtime's own name of each, which its profile gives for every node. */
export const executors: Record<Provider, string> = {
  cpu: "CPUExecutionProvider",
  cuda: "CUDAExecutionProvider",
  webgpu: "WebGpuExecutionProvider",
  coreml: "CoreMLExecutionProvider",
  dml: "DmlExecutionProvider"
}

/** How many nodes of a graph each executor ran. */
export type Placement = Named<number>

/**
 * What is wrong with where a graph asked for one provider ran: nothing if any node ran there (the
 * runtime gives those that the provider cannot run to the CPU), else who ran it.
 */
export const misplaced = (provider: Provider, placement: Placement): string | undefined => {
  if ((placement[executors[provider]] ?? 0) > 0) return undefined
  const others = Object.entries(placement).map(([name, count]) => `${count} nodes on ${name}`)
  return `nothing ran on ${executors[provider]}, but ${others.join(", ") || "nothing at all"}`
}

/** The systems that onnxruntime-node has binaries for, as node names them. */
const systems = ["linux/x64", "linux/arm64", "darwin/arm64", "win32/x64", "win32/arm64"]

const cudaScript = "node node_modules/onnxruntime-node/script/install.js"

/** Other ways to a graphics card, by operating system. */
const instead: Named<string> = {
  darwin: "use coreml or webgpu",
  win32: "use dml or webgpu",
  linux: "use webgpu"
}

const vulkan: Named<string> = {
  linux: "sudo apt-get install libvulkan1 mesa-vulkan-drivers (Debian; or your card's own driver)",
  darwin: "npm ci (it is inside onnxruntime-node, and needs macOS on Apple silicon)",
  win32: "npm ci (it is inside onnxruntime-node, and needs a DirectX 12 driver)"
}

const system = (platform: string): string => platform.split("/")[0] ?? ""

/** What would add a provider on a platform (`linux/x64`): a command where there is one. */
const remedies: Record<Provider, (platform: string) => string> = {
  cpu: (platform) =>
    systems.includes(platform)
      ? "npm ci (it is inside onnxruntime-node)"
      : `onnxruntime-node has no binary for ${platform}; it has ${systems.join(", ")}`,
  cuda: (platform) =>
    platform === "linux/x64"
      ? `${cudaScript} --onnxruntime-node-install=cuda12 ` +
        "(with an NVIDIA driver, CUDA 12 and cuDNN 9 on the system)"
      : `onnxruntime-node has CUDA for linux/x64 only; ${instead[system(platform)] ?? "use cpu"}`,
  webgpu: (platform) =>
    vulkan[system(platform)] ?? `onnxruntime-node has no binary for ${platform}`,
  coreml: (platform) =>
    system(platform) === "darwin"
      ? "npm ci (it is inside onnxruntime-node, and needs Apple silicon)"
      : "nothing: it is a part of macOS",
  dml: (platform) =>
    system(platform) === "win32"
      ? "npm ci (it is inside onnxruntime-node, and needs a DirectX 12 driver)"
      : "nothing: it is a part of Windows"
}

/** What would make a provider work here: the exact command where there is one, else why not. */
export const remedy = (provider: Provider, platform: string): string => remedies[provider](platform)
