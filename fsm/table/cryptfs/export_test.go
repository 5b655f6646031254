package cryptfs

// On is OnDisk over another file system.
var On = on
