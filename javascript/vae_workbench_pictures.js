/*
 * Files for the page "Compare": they go ahead by HTTP, as gradio's own file fields do it, since a message is no place for
 * 200 MB. The web UI runs this file as a classic script; the name vaewbPictures is all that it adds.
 */
(() => {
    "use strict";
    if (window.vaewbPictures) return;

    const LARGEST = 200e6;
    const NAME = "vaewb-picture";

    /**
     * Sends a file to the server.
     * @param {Blob} file what is sent
     * @returns {Promise<string>} where it lies now
     * @throws {Error} with a sentence for people
     */
    async function upload(file) {
        if (file.size > LARGEST) throw new Error(`The file is larger than ${LARGEST / 1e6} MB. Choose a smaller one.`);
        const form = new FormData();
        form.append("files", file, NAME);
        const response = await fetch("./upload", {method: "POST", body: form}).catch(() => null);
        if (!response?.ok) throw new Error("The file did not arrive. Choose it again.");
        return (await response.json())[0];
    }

    /** All files that were dropped, also those in folders. */
    async function dropped(transfer) {
        const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
        if (!entries.length) return [...transfer.files];
        return (await Promise.all(entries.map(filesIn))).flat();
    }

    async function filesIn(entry) {
        if (entry.isFile) return [await new Promise((done, failed) => entry.file(done, failed))];
        const reader = entry.createReader();
        const found = [];
        for (;;) {
            // A folder is told of in parts.
            const entries = await new Promise((done, failed) => reader.readEntries(done, failed));
            if (!entries.length) return found.map((file) => Object.assign(file, {isFromFolder: true})).sort((a, b) => a.name.localeCompare(b.name));
            found.push(...(await Promise.all(entries.filter((each) => each.isFile).map(filesIn))).flat());
        }
    }

    window.vaewbPictures = {upload, dropped};
})();
