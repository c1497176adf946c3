/**
 * When a day of whoever reads began, in ms; `later`: so many days after that of `atMs`. By the calendar: days on which clocks are changed have 23 or 25 hours.
 * NaN: no calendar has it.
 */
export function startOfDay(atMs: number, later = 0): number {
  const day = new Date(atMs);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + later).getTime();
}
