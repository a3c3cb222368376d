// Tells the module loader where the widget manager's vendored parts lie, so
// that saved widgets appear without a kernel or a request to another host.
{
  const vendor = new URL("vendor/", document.currentScript.src).href;
  require.config({
    paths: {
      "@jupyter-widgets/html-manager/dist": `${vendor}html-manager`,
      anywidget: `${vendor}anywidget/index`,
    },
  });
}
