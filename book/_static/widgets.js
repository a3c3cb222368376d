// Tells the module loader where the vendored anywidget lies, so that saved
// widgets appear without a kernel and without a request to another host.
{
  const here = new URL(".", document.currentScript.src).href;
  require.config({ paths: { anywidget: `${here}vendor/anywidget/index` } });
}
