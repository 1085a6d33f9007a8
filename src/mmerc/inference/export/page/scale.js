// Which part of a conversation is shown: zoom and pan. Times are seconds, or numbers of utterances where there are no times.

const SHORTEST = 2;  // seconds that fill the width at most
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];  // seconds between two marks
const MAX_MARKS = 8;

export class Scale {
  constructor(begin, end, onChange = () => {}) {
    this.begin = begin;
    this.end = Math.max(end, begin + .001);
    this.onChange = onChange;
    this.show(begin, end);
  }

  get length() { return this.to - this.from; }

  show(from, to) {
    const whole = this.end - this.begin, length = Math.min(whole, Math.max(Math.min(SHORTEST, whole), to - from));
    this.from = Math.min(Math.max(this.begin, from), this.end - length);
    this.to = this.from + length;
    this.onChange();
  }

  // `factor` < 1 shows less; the time `around` stays where it is.
  zoom(factor, around = (this.from + this.to) / 2) {
    const share = (around - this.from) / this.length, length = Math.max(SHORTEST, this.length * factor);
    this.show(around - share * length, around + (1 - share) * length);
  }

  pan(seconds) { this.show(this.from + seconds, this.to + seconds); }

  // Moves as little as needed to show a span.
  reveal(start, end) {
    if (start >= this.from && end <= this.to) return;
    const margin = .1 * this.length;
    if (end - start > this.length || start < this.from) this.show(start - margin, start - margin + this.length);
    else this.show(end + margin - this.length, end + margin);
  }

  // Share of the width, 0 to 1 where it is shown.
  locate(time) { return (time - this.from) / this.length; }
  timeAt(share) { return this.from + share * this.length; }

  listMarks() {
    const step = STEPS.find((each) => this.length / each <= MAX_MARKS) || 3600 * Math.ceil(this.length / MAX_MARKS / 3600);
    const marks = [];
    for (let time = Math.ceil(this.from / step) * step; time <= this.to; time += step) marks.push(time);
    return marks;
  }
}
