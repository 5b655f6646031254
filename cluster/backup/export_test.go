package backup

// FirstLine begins a file.
const FirstLine = firstLine
