<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<xsl:template match="page" mode="title"><w:t id="check.title"/></xsl:template>

<xsl:template match="page" mode="main">
  <xsl:for-each select="check">
    <div class="sheet">
      <h1><w:t id="check.title"/></h1>
      <xsl:choose>
        <xsl:when test="found">
          <xsl:for-each select="found">
            <p class="note" role="status"><w:t id="check.yes" tenant="/page/@tenant"/></p>
            <dl>
              <dt><w:t id="check.code"/></dt><dd><xsl:value-of select="@pickup"/></dd>
              <dt><w:t id="check.from"/></dt><dd><xsl:value-of select="sender/@shown"/><xsl:if test="sender/@name != '' and sender/@address != ''"><br/><small><xsl:value-of select="sender/@address"/></small></xsl:if></dd>
              <dt><w:t id="check.when"/></dt><dd><time datetime="{created/@iso}"><xsl:value-of select="created/@minute"/></time></dd>
              <xsl:if test="@ends-in != ''"><dt><w:t id="check.to"/></dt><dd><xsl:text>…</xsl:text><xsl:value-of select="@ends-in"/><xsl:text>…</xsl:text></dd></xsl:if>
              <dt><w:t id="check.state"/></dt>
              <dd>
                <xsl:choose>
                  <xsl:when test="@state = 'open'"><w:t id="check.open" until="expires/@day"/></xsl:when>
                  <xsl:when test="@state = 'expired'"><w:t id="check.expired"/></xsl:when>
                  <xsl:otherwise><w:t id="check.retracted"/></xsl:otherwise>
                </xsl:choose>
              </dd>
            </dl>
            <xsl:if test="@state = 'open'"><div class="row"><a class="btn" href="/m/{@code}"><w:t id="check.go"/></a></div></xsl:if>
          </xsl:for-each>
        </xsl:when>
        <xsl:otherwise>
          <p><w:t id="check.text" tenant="/page/@tenant"/></p>
          <form method="get" action="/check">
            <div class="field">
              <label for="pickup"><w:t id="form.pickup"/></label>
              <p class="hint" id="pickup-hint"><w:t id="home.pickup-hint"/></p>
              <xsl:if test="@problem"><p class="problem" id="problem" role="alert"><w:t id="problem.check" tenant="/page/@tenant"/></p></xsl:if>
              <input id="pickup" name="pickup" class="code" type="text" autocomplete="off" autocapitalize="characters" spellcheck="false" required="required" maxlength="200" placeholder="XXXX-XXXX" value="{@typed}" aria-describedby="pickup-hint">
                <xsl:if test="@problem"><xsl:attribute name="aria-invalid">true</xsl:attribute></xsl:if>
              </input>
            </div>
            <div class="row"><button class="btn" type="submit"><w:t id="check.look"/></button></div>
          </form>
        </xsl:otherwise>
      </xsl:choose>
      <h2><w:t id="check.signs"/></h2>
      <p class="quiet"><w:t id="check.signs-text" host="/page/@host"/></p>
    </div>
  </xsl:for-each>
</xsl:template>

</xsl:stylesheet>
