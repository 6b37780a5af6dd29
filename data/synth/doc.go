// Package synth makes synthetic transcripts of telephone calls as a speech recogniser would write them, with exact spans.
//
// A transcript is put together from frames (frames/*.txt) whose slots are filled from lists (lists/*.txt) and by functions
// that say numbers, dates and mail addresses as people do. Noise comes last: fillers, repeats, dropped and misheard words.
// A Config holds every rate; the seed decides everything else.
//
// Entities stand beside cues that people use. What stands between them comes from a grammar of ordinary clauses (section
// "clause", lists/ordinary.txt): things by class with what is done to them, so that thousands of words are seen that are no
// names. Many names, cities and mail domains are invented, so that a place in the sentence counts for more than a list.
//
// What is an entity, and where it ends:
//
//   - PERSON_NAME: first name, surname or both, with middle names, initials, particles and "junior". A title (mr, doctor)
//     stands outside. A name spelled letter by letter is an entity of its own, "s for sugar" within it.
//   - PHONE: a telephone number with its country code and "plus". An extension stands outside.
//   - CREDIT_CARD: the whole number, 13 to 19 digits with a right check digit. The last four digits alone, a security code
//     and a date of expiry are none (the latter is a DATE).
//   - EMAIL: the whole spoken address, "ramesh dot sharma at the rate gmail dot com"; a name in it is no PERSON_NAME.
//   - DATE: a day with its month, or a month with its year, together with a day of the week right before it. A month, a year,
//     a day of the week alone and whatever is relative to the call (today, next monday, two weeks ago) are none.
//   - CITY: a city's name.
//   - LOCATION: a street, an area, a building, a landmark, a state, a country. The house's number stands outside.
//
// An article before an entity stands outside it. A filler between two words of an entity belongs to it; at its edge it does
// not. A repeated first or last word of an entity belongs to it.
//
// Transcripts without entities, about a quarter, mostly hold what looks like one: order, account and tracking numbers as
// long as phone and card numbers, codes, sums, times, ages, names of firms, "may", "mark" and "grace" as ordinary words.
// Each has a cue by which a person tells it from the real thing.
package synth
