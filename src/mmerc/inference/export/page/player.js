// Plays one utterance: the playback begins at its start and stops at its end.

export class Player {
  constructor(media, onTime = () => {}) {
    this.media = media;
    this.end = null;
    if (!media) return;
    const follow = () => {
      if (this.end !== null && media.currentTime >= this.end) {
        this.end = null;
        media.pause();
      }
      onTime(media.currentTime, !media.paused);
      if (!media.paused) requestAnimationFrame(follow);  // `timeupdate` comes four times a second: too rarely to stop in time
    };
    media.onplay = () => requestAnimationFrame(follow);
    media.ontimeupdate = follow;
    media.onpause = () => { if (this.end !== null && media.currentTime < this.end - .05) this.end = null; };
  }

  get time() { return this.media ? this.media.currentTime : null; }

  play(start, end) {
    if (!this.media || start === null) return;
    this.media.currentTime = start;
    this.end = end;
    this.media.play().catch(() => { this.end = null; });  // the browser says in its own controls why it cannot play the file
  }

  // Moves the playback; it goes on if it was going on.
  seek(time) {
    if (!this.media) return;
    this.end = null;
    this.media.currentTime = time;
  }

  // Plays the utterance, or stops where it is being played.
  toggle(start, end) {
    if (this.media && !this.media.paused && this.end === end) this.stop();
    else this.play(start, end);
  }

  stop() {
    this.end = null;
    this.media?.pause();
  }
}
