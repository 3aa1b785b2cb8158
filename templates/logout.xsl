<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<xsl:template match="page" mode="title"><w:t id="logout.title"/></xsl:template>

<xsl:template match="page" mode="main">
  <div class="sheet">
    <h1><w:t id="logout.title"/></h1>
    <p><w:t id="logout.text" address="@address"/></p>
    <div class="row">
      <form method="post" action="/logout"><xsl:call-template name="csrf"/><button class="btn" type="submit"><w:t id="logout.go"/></button></form>
      <a href="/"><w:t id="logout.stay"/></a>
    </div>
  </div>
</xsl:template>

</xsl:stylesheet>
