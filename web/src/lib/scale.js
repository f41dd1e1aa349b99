// How close to a crown jewel, as five steps and two states. Dark is near; light is far.
export const STEPS = [
  { most: 5, name: 'within 5 min', colour: '#7f0000' },
  { most: 20, name: 'within 20 min', colour: '#d7301f' },
  { most: 60, name: 'within an hour', colour: '#fc8d59' },
  { most: 480, name: 'within 8 hours', colour: '#fdcc8a' },
  { most: Infinity, name: 'later', colour: '#fef0d9' },
]
export const FAR = { name: 'no way found', colour: '#dfe5ec' }

export const stepOf = (minutes) => (minutes === null ? STEPS.length : STEPS.findIndex((step) => minutes <= step.most))
export const colourOf = (step) => (step < STEPS.length ? STEPS[step].colour : FAR.colour)
export const inkOn = (step) => (step < 2 ? '#fff' : '#1b2733')

export function minutes(range) {
  if (!range) return '–'
  const [low, high] = range.map(time)
  return low === high ? high : `${low} to ${high}`
}

export function time(value) {
  if (value === null) return 'no way found'
  if (value < 1) return 'under a minute'
  if (value < 120) return `${Math.round(value)} min`
  if (value < 2880) return `${(value / 60).toFixed(1).replace('.0', '')} h`
  return `${(value / 1440).toFixed(1).replace('.0', '')} days`
}

export const count = (value, one, many) => `${value.toLocaleString('en')} ${value === 1 ? one : (many ?? one + 's')}`

export function split(position) {
  const mark = position.lastIndexOf('#')
  const entity = mark < 0 ? position : position.slice(0, mark)
  const colon = entity.indexOf(':')
  return { kind: entity.slice(0, colon), name: entity.slice(colon + 1), held: mark < 0 ? '' : position.slice(mark + 1) }
}
