// Lays the worst paths out as one picture: a column per step, shared positions drawn once.
import { split } from './scale.js'

export const BOX = { width: 166, height: 46, across: 216, down: 66, top: 14, left: 8 }

export function layers(paths) {
  const nodes = new Map()
  const links = new Map()
  const node = (id) => {
    if (!nodes.has(id)) nodes.set(id, { id, ...split(id), layer: 0, paths: new Set() })
    return nodes.get(id)
  }
  paths.forEach((path, at) => {
    for (const step of path.steps) {
      node(step.to).paths.add(at)
      for (const from of step.from) {
        node(from).paths.add(at)
        const key = `${from}→${step.to}`
        if (!links.has(key)) links.set(key, { from: node(from), to: node(step.to), step, paths: new Set() })
        links.get(key).paths.add(at)
      }
    }
    node(path.target).jewel = true
  })
  place([...nodes.values()], [...links.values()])
  return { nodes: [...nodes.values()], links: [...links.values()] }
}

function place(nodes, links) {
  for (let round = 0; round < nodes.length; round++) {
    let still = true
    for (const link of links) {
      if (link.to.layer <= link.from.layer && link.from.layer + 1 < nodes.length + 1) {
        link.to.layer = link.from.layer + 1
        still = false
      }
    }
    if (still) break
  }
  const columns = []
  for (const node of nodes) (columns[node.layer] ??= []).push(node)
  const used = columns.filter(Boolean)
  used.forEach((column, x) => column.forEach((node, y) => Object.assign(node, { column: x, row: y })))
  for (let round = 0; round < 6; round++) {
    for (const column of used) {
      for (const node of column) {
        const near = links.flatMap((l) => (l.to === node ? [l.from.row] : l.from === node ? [l.to.row] : []))
        node.pull = near.length ? near.reduce((a, b) => a + b, 0) / near.length : node.row
      }
      column.sort((a, b) => a.pull - b.pull)
      column.forEach((node, y) => (node.row = y))
    }
  }
  const tallest = Math.max(1, ...used.map((column) => column.length))
  for (const column of used) {
    column.forEach((node, y) => {
      node.x = BOX.left + node.column * BOX.across
      node.y = BOX.top + (y + (tallest - column.length) / 2) * BOX.down
    })
  }
}
