"""The one list of file name suffixes of sound, video and pictures; what a file holds is decided by its content."""

AUDIO_SUFFIXES = frozenset(
    [".3ga", ".aac", ".ac3", ".adts", ".aif", ".aifc", ".aiff", ".amr", ".ape", ".au", ".awb", ".caf", ".dts", ".eac3", ".flac", ".m4a", ".m4b", ".mka", ".mp2", ".mp3", ".nist", ".oga", ".ogg", ".opus", ".rf64", ".snd", ".sph", ".spx", ".tak", ".tta", ".voc", ".w64", ".wav", ".wave", ".weba", ".wma", ".wv"]
)
VIDEO_SUFFIXES = frozenset(
    [".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif", ".m2t", ".m2ts", ".m2v", ".m4v", ".mkv", ".mov", ".mp4", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv", ".wtv"]
)
PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".webp"})
MEDIA_SUFFIXES = AUDIO_SUFFIXES | VIDEO_SUFFIXES | PICTURE_SUFFIXES
