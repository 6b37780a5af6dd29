// Package synth makes synthetic transcripts of what people say, to each other, on the telephone and to machines, as a speech
// recogniser would write them, with exact spans.
//
// A transcript is put together from frames (frames/*/*.txt, one file a register of speech) whose slots are filled from lists
// (lists/*.txt) and by functions that say numbers, dates and mail addresses as people do. Noise comes last: fillers, repeats,
// dropped and misheard words. A Config holds every rate; the seed decides everything else.
//
// Entities stand beside cues that people use. Around them stands what a register has without entities, and a grammar of
// ordinary clauses (part "clause", lists/ordinary.txt): things by class with what is done to them, so that thousands of words
// are seen that are no names. Some names, cities and mail domains are invented, so that a place in the sentence counts for
// more than a list.
//
// What is an entity, and where it ends, says GUIDELINES.md beside package data.
//
// Transcripts without entities, about three in ten, mostly hold what looks like one: order, account and tracking numbers as
// long as phone and card numbers, codes, sums, times, ages, names of firms, "may", "mark" and "grace" as ordinary words.
// Each has a cue by which a person tells it from the real thing.
//
// Most transcripts of train and dev beside those were written by hand (written/*.txt), and may be varied: other names, places, numbers
// and days stand in them then, and noise passes over them.
//
// The sets stress and numbers have frames, names, places, mail domains and patterns of numbers that no other set is made of.
package synth
