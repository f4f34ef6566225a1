/* Infotexts inside of PNG and WebP, where the web UI looks for them, for the pictures that <vaewb-viewer> saves. */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    if (viewer.infotext) return;

    const TABLE = Uint32Array.from({length: 256}, (_, n) => {
        for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
        return n;
    });

    function crc32(bytes) {
        let crc = 0xffffffff;
        for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
        return (crc ^ 0xffffffff) >>> 0;
    }

    const ascii = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

    function number(value, bytes, littleEndian) {
        const made = new Uint8Array(bytes);
        for (let i = 0; i < bytes; i++) made[littleEndian ? i : bytes - 1 - i] = Math.floor(value / 256 ** i) & 255;
        return made;
    }

    function joined(...parts) {
        const made = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
        parts.reduce((at, part) => (made.set(part, at), at + part.length), 0);
        return made;
    }

    /** PNG: an iTXt chunk "parameters" in UTF-8 behind the header, which is always 33 bytes long. */
    function png(bytes, text) {
        const content = joined(ascii("iTXtparameters\0\0\0\0\0"), new TextEncoder().encode(text));
        const chunk = joined(number(content.length - 4, 4, false), content, number(crc32(content), 4, false));
        return joined(bytes.subarray(0, 33), chunk, bytes.subarray(33));
    }

    /** EXIF with a UserComment in UTF-16, big-endian: two directories of one entry each. */
    function exif(text) {
        const letters = Array.from({length: text.length}, (_, i) => text.charCodeAt(i));
        const comment = joined(ascii("UNICODE\0"), ...letters.map((unit) => number(unit, 2, false)));
        const entry = (tag, type, count, value) => joined(number(tag, 2, false), number(type, 2, false), number(count, 4, false), number(value, 4, false));
        const directory = (made) => joined(number(1, 2, false), made, number(0, 4, false));
        return joined(ascii("MM\0*"), number(8, 4, false), directory(entry(0x8769, 4, 1, 26)), directory(entry(0x9286, 7, comment.length, 44)), comment);
    }

    /** WebP: the extended form, its flag for EXIF set, and the EXIF behind the picture. */
    function webp(bytes, text, width, height) {
        const chunk = (name, content) => joined(ascii(name), number(content.length, 4, true), content, new Uint8Array(content.length % 2));
        const kind = String.fromCharCode(...bytes.subarray(12, 16));
        const flags = kind === "VP8X" ? bytes[20] : kind === "VP8L" ? bytes[24] & 16 : 0; // 16: it has transparent pixels
        const head = chunk("VP8X", joined([8 | flags, 0, 0, 0], number(width - 1, 3, true), number(height - 1, 3, true)));
        const body = joined(ascii("WEBP"), head, bytes.subarray(kind === "VP8X" ? 30 : 12), chunk("EXIF", exif(text)));
        return joined(ascii("RIFF"), number(body.length, 4, true), body);
    }

    /** A picture of a canvas as a file with an infotext: a Blob of `type`, or null where the browser cannot make it. */
    async function encoded(canvas, type, text) {
        const blob = await new Promise((resolve) => canvas.toBlob(resolve, type, 1));
        if (blob?.type !== type) return null;
        const bytes = new Uint8Array(await blob.arrayBuffer());
        const made = !text ? bytes : type === "image/png" ? png(bytes, text) : webp(bytes, text, canvas.width, canvas.height);
        return new Blob([made], {type});
    }

    viewer.infotext = {encoded};
})();
