"""mkdocs hook: the site has the pages of the whole repository, at the paths that they have there.

Pages link to each other, to scenarios, schemas and results by relative path. With the same paths in
the site these links hold in both places. A link to a folder leads to its README.md.
"""

import re
import subprocess
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
PAGES = (":(glob)*.md", "docs/**", "reports/**", "scenarios/**", "schema/**")
LINK = re.compile(r"(?<=\]\()([^)#:\s]+)(?=[)#])")


def on_files(files, config):
    """Replaces the pages of docs_dir by those of the repository; keeps the theme's files."""
    for file in list(files.documentation_pages()) + list(files.media_files()):
        if file.src_dir == config["docs_dir"]:
            files.remove(file)
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *PAGES]
    paths = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for path in sorted(filter(None, paths.split("\0"))):
        if (ROOT / path).is_file():
            files.append(
                File(path, str(ROOT), config["site_dir"], config["use_directory_urls"])
            )
    return files


def on_page_markdown(markdown, page, config, files):
    """A link to a folder becomes one to its README.md."""
    folder = (ROOT / page.file.src_uri).parent

    def readme(match):
        target = folder / match.group(1)
        return f"{match.group(1).rstrip('/')}/README.md" if target.is_dir() else match.group(1)

    return LINK.sub(readme, markdown)
