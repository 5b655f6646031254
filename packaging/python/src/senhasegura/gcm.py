"""AES-256 in Galois/Counter Mode (FIPS 197, NIST SP 800-38D): only what opens a box."""

import hmac


def _tables():
    """The S-box, from its definition: the inverse in GF(2^8), then an affine map."""
    exp, log, x = [0] * 256, [0] * 256, 1
    for i in range(255):
        exp[i], log[x] = x, i
        x ^= (x << 1) ^ (0x11B if x & 0x80 else 0)
    box = []
    for v in range(256):
        b = exp[(255 - log[v]) % 255] if v else 0
        box.append(b ^ 0x63 ^ _rotate(b, 1) ^ _rotate(b, 2) ^ _rotate(b, 3) ^ _rotate(b, 4))
    return box


def _rotate(b, n):
    return (b << n | b >> (8 - n)) & 0xFF


_SBOX = _tables()
_DOUBLE = [(v << 1) ^ (0x11B if v & 0x80 else 0) for v in range(256)]


def _expand(key):
    """The 15 round keys of 16 bytes."""
    words, rcon = [list(key[i : i + 4]) for i in range(0, 32, 4)], 1
    for i in range(8, 60):
        w = words[-1]
        if i % 8 == 0:
            w = [_SBOX[w[1]] ^ rcon, _SBOX[w[2]], _SBOX[w[3]], _SBOX[w[0]]]
            rcon = _DOUBLE[rcon]
        elif i % 8 == 4:
            w = [_SBOX[v] for v in w]
        words.append([a ^ b for a, b in zip(words[-8], w)])
    return [sum(words[i : i + 4], []) for i in range(0, 60, 4)]


def _block(keys, data):
    s = [a ^ b for a, b in zip(data, keys[0])]
    for key in keys[1:]:
        s = [_SBOX[s[(i + 4 * (i % 4)) % 16]] for i in range(16)]  # SubBytes and ShiftRows
        if key is not keys[-1]:
            mixed = []
            for i in range(0, 16, 4):
                a, b, c, d = s[i : i + 4]
                t = a ^ b ^ c ^ d
                mixed += [a ^ t ^ _DOUBLE[a ^ b], b ^ t ^ _DOUBLE[b ^ c], c ^ t ^ _DOUBLE[c ^ d], d ^ t ^ _DOUBLE[d ^ a]]
            s = mixed
        s = [a ^ b for a, b in zip(s, key)]
    return bytes(s)


def _multiply(x, y):
    z = 0
    for i in range(127, -1, -1):
        if x >> i & 1:
            z ^= y
        y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
    return z


def _hash(h, aad, box):
    y = 0
    for part in (aad, box):
        for i in range(0, len(part), 16):
            y = _multiply(y ^ int.from_bytes(part[i : i + 16].ljust(16, b"\0"), "big"), h)
    return _multiply(y ^ (len(aad) * 8 << 64 | len(box) * 8), h)


def open(key, nonce, box, tag, aad):
    """The plaintext; ValueError if key, box or aad are not those of the tag."""
    if len(key) != 32 or len(nonce) != 12 or len(tag) != 16:
        raise ValueError("sizes")
    keys = _expand(key)
    h = int.from_bytes(_block(keys, bytes(16)), "big")
    first = int.from_bytes(_block(keys, nonce + b"\0\0\0\1"), "big")
    if not hmac.compare_digest((_hash(h, aad, box) ^ first).to_bytes(16, "big"), tag):
        raise ValueError("tag")
    out = bytearray()
    for i in range(0, len(box), 16):
        stream = _block(keys, nonce + (i // 16 + 2).to_bytes(4, "big"))
        out += bytes(a ^ b for a, b in zip(box[i : i + 16], stream))
    return bytes(out)
